// SPDX-License-Identifier: Apache-2.0
// system.toml's log level, statuses by id or name, paths.
#include <doctest/doctest.h>

#include "folder.hpp"

using namespace remote_access;
using namespace remote_access::test;

TEST_CASE("system.toml's log level is ours, else that of the plugin it replaces; never an error") {
    const struct {
        const char *toml, *level, *warning;  // "": none
    } cases[] = {
        {"", "", ""},
        {"[log]\ntedge_mapper = 'debug'", "", ""},
        {"[log]\nc8y_remote_access_connect = 'debug'", "debug", ""},
        {"[log]\nc8y_remote_access_plugin = 'TRACE'", "trace", ""},
        {"[log]\nc8y_remote_access_plugin = 'trace'\nc8y_remote_access_connect = 'warn'", "warn",
         ""},
        {"[log]\nc8y_remote_access_connect = 'loud'", "",
         "@/system.toml:2: key `log.c8y_remote_access_connect`: must be error, warn"},
        {"log.c8y_remote_access_plugin = 3", "",
         "@/system.toml:1: key `log.c8y_remote_access_plugin`: must be error, warn"},
        {"log = 3", "", ""},
    };
    for (const auto& row : cases) {
        CAPTURE(row.toml);
        const Folder folder;
        folder.write("tedge.toml", "c8y.url = 't.example.com'");
        folder.write("system.toml", row.toml);
        const auto config = load_config(folder.source());
        REQUIRE(config);
        CHECK((config->log_level ? log::level_name(*config->log_level) : "") == row.level);
        REQUIRE(config->warnings.size() == (*row.warning ? 1 : 0));
        if (*row.warning)
            CHECK(config->warnings[0].rfind(folder.path() + std::string(row.warning).substr(1),
                                            0) == 0);
    }
}

TEST_CASE("use_operation_id is true unless it is switched off") {
    const Folder folder;
    const auto value = [&folder](const std::string& toml,
                                 const std::string& variable) -> std::string {
        folder.write("tedge.toml", "c8y.url = 't.example.com'\n" + toml);
        std::map<std::string, std::string> env;
        if (!variable.empty()) env["TEDGE_C8Y_SMARTREST_USE_OPERATION_ID"] = variable;
        const auto config = load_config(folder.source({}, env));
        return config ? config->cloud.use_operation_id ? "yes" : "no" : told(config, folder);
    };
    const std::string key = "c8y.smartrest.use_operation_id = ";
    CHECK(value("", "") == "yes");
    CHECK(value(key + "false", "") == "no");
    CHECK(value(key + "false", "true") == "yes");
    CHECK(value("", "false") == "no");
    CHECK(value(key + "'false'", "") ==
          "@/tedge.toml:2 | key `c8y.smartrest.use_operation_id`: must be true or false");
    CHECK(value("", "no") == "TEDGE_C8Y_SMARTREST_USE_OPERATION_ID | must be true or false");
}

TEST_CASE("A relative path is below /") {
    const Folder folder;
    folder.write("tedge.toml", "c8y.url = 't.example.com'\nrun.path = 'a/../b'");
    CHECK(load_config(folder.source())->paths.run == "/b");
}
