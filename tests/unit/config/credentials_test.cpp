// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "folder.hpp"

using namespace remote_access;
using namespace remote_access::test;

namespace {

Config with(const Folder& folder) {
    Config config;
    config.cloud.credentials_path = folder.file("credentials.toml");
    return config;
}

}  // namespace

TEST_CASE("Basic login is the base64 of name and password, of every length") {
    const struct {
        const char *username, *password, *value;
    } cases[] = {
        {"t123/me", "pw", "Basic dDEyMy9tZTpwdw=="},
        {"t1234/octocat", "abcd1234", "Basic dDEyMzQvb2N0b2NhdDphYmNkMTIzNA=="},
        {"a", "b", "Basic YTpi"},
        {"a", "bc", "Basic YTpiYw=="},
        {"a", "bcd", "Basic YTpiY2Q="},
        {"\xc3\xa4", ":", "Basic w6Q6Og=="},
    };
    for (const auto& row : cases) {
        CAPTURE(row.value);
        const Folder folder;
        folder.write("credentials.toml", std::string("[c8y]\nusername = '") + row.username +
                                             "'\npassword = '" + row.password + "'\n[other]\n");
        const auto value = load_basic_authorization(with(folder));
        REQUIRE(value);
        CHECK(value->reveal() == row.value);
    }
}

TEST_CASE("A credentials file that does not do is an error with its path and no secret") {
    const struct {
        const char *content, *detail;
    } cases[] = {
        {"", "has no [c8y] table"},
        {"c8y = 'hush'", "has no username in [c8y]"},
        {"[c8y]\npassword = 'hush'", "has no username in [c8y]"},
        {"[c8y]\nusername = 'hush'", "has no password in [c8y]"},
        {"[c8y]\nusername = ''\npassword = 'hush'", "has no username in [c8y]"},
        {"[c8y]\nusername = 'me'\npassword = 4711", "has no password in [c8y]"},
        {"[c8y]\nusername = 'me'\npassword = hush", "line 3 is not valid TOML"},
        {"[c8y]\nusername = 'me'\npassword = true4711", "line 3 is not valid TOML"},
        {"[c8y]\nusername = 'me'\npassword = 47114711471147114711", "line 3 is not valid TOML"},
        {"[c8y]\nusername = 'me'\npassword = 'hush", "line 3 is not valid TOML"},
        {"hush", "line 1 is not valid TOML"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.content);
        const Folder folder;
        folder.write("credentials.toml", row.content);
        const auto value = load_basic_authorization(with(folder));
        REQUIRE_FALSE(value);
        CHECK(value.error().fault == Fault::kCredentials);
        const std::string error = told(value, folder);
        CHECK(error.rfind(std::string("@/credentials.toml | ") + row.detail, 0) == 0);
        CHECK_FALSE(contains(error, "hush"));
        CHECK_FALSE(contains(error, "4711"));
    }
}

TEST_CASE("A credentials file that is not there is an error with the system's words") {
    const Folder folder;
    CHECK(told(load_basic_authorization(with(folder)), folder) ==
          "@/credentials.toml | cannot be read: No such file or directory");
}
