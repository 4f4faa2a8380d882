// SPDX-License-Identifier: Apache-2.0
// TEDGE_* variables: facts/thin-edge.md §1, "Locations and precedence", rule 5.
#include <doctest/doctest.h>

#include "folder.hpp"

using namespace remote_access;
using namespace remote_access::test;

namespace {

std::string http(const Folder& folder, const std::string& profile = {},
                 std::map<std::string, std::string> env = {}) {
    const auto config = load_config(folder.source(profile, std::move(env)));
    return config ? config->cloud.http.text() : told(config, folder);
}

}  // namespace

TEST_CASE("Variables set, unset and create profiles") {
    const Folder folder;
    folder.write("tedge.toml",
                 "[c8y]\nurl = 't.example.com'\n[c8y.profiles.p_1]\nurl = 'p.example.com'\n"
                 "http = 'h.example.com'");
    CHECK(http(folder, "p_1") == "h.example.com:443");
    CHECK(http(folder, "p_1", {{"TEDGE_C8Y_PROFILES_P_1_HTTP", "e.example.com:1"}}) ==
          "e.example.com:1");
    CHECK(http(folder, "p_1", {{"TEDGE_C8Y_PROFILES_P_1_HTTP", ""}}) == "p.example.com:443");
    CHECK(http(folder, "p_1", {{"TEDGE_C8Y_HTTP", "e.example.com"}}) == "h.example.com:443");
    CHECK(http(folder, "new", {{"TEDGE_C8Y_PROFILES_NEW_URL", "n.example.com"}}) ==
          "n.example.com:443");
    CHECK(contains(http(folder, "new", {{"TEDGE_C8Y_PROFILES_NEW_URL", ""}}), "no profile `new`"));
}

TEST_CASE("Variables count over mapper.toml as well") {
    const Folder folder;
    folder.write("mappers/c8y/mapper.toml", "url = 'new.example.com'");
    folder.write("mappers/c8y.p/mapper.toml", "url = 'p.example.com'");
    CHECK(http(folder, {}, {{"TEDGE_C8Y_URL", "e.example.com"}}) == "e.example.com:443");
    CHECK(http(folder, "p", {{"TEDGE_C8Y_PROFILES_P_URL", "e.example.com"}}) ==
          "e.example.com:443");
}

TEST_CASE("A variable's value that begins like TOML is read as TOML where it is TOML") {
    const Folder folder;
    CHECK(http(folder, {}, {{"TEDGE_C8Y_URL", "\"e.example.com\""}}) == "e.example.com:443");
    const struct {
        const char *value, *read;
    } cases[] = {{"\"a\\tb\"", "a\tb"}, {"\"a", "\"a"}, {"[a]", "[a]"}, {"['a']", "['a']"}};
    for (const auto& row : cases) {
        CAPTURE(row.value);
        const auto config = load_config(folder.source(
            {}, {{"TEDGE_C8Y_URL", "t.example.com"}, {"TEDGE_PROXY_NO_PROXY", row.value}}));
        REQUIRE(config);
        CHECK(config->proxy.no_proxy == row.read);
    }
}

TEST_CASE("A bad value in a variable is an error that names the variable and not the value") {
    const struct {
        const char *name, *value;
    } cases[] = {
        {"TEDGE_C8Y_HTTP", "https://hush"},
        {"TEDGE_C8Y_URL", "\"hush"},
        {"TEDGE_MQTT_CLIENT_PORT", "hush"},
        {"TEDGE_MQTT_CLIENT_PORT", "\"1883\""},
        {"TEDGE_MQTT_BIND_PORT", "0"},
        {"TEDGE_C8Y_AUTH_METHOD", "hush"},
        {"TEDGE_PROXY_ADDRESS", "http://me:hush@proxy"},
        {"TEDGE_C8Y_PROFILES_OTHER_URL", "hush:1"},  // of another profile: thin-edge stops as well
        {"TEDGE_C8Y_PROFILES_a b_URL", "hush"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.name);
        const Folder folder;
        folder.write("tedge.toml", "c8y.url = 't.example.com'");
        const std::string error = http(folder, {}, {{row.name, row.value}});
        CHECK(error.rfind(std::string(row.name) + " | ", 0) == 0);
        CHECK_FALSE(contains(error, "hush"));
    }
}

TEST_CASE("auth_method password is basic in a variable") {
    const Folder folder;
    folder.write("tedge.toml", "c8y.url = 't.example.com'");
    CHECK(load_config(folder.source({}, {{"TEDGE_C8Y_AUTH_METHOD", "password"}}))->cloud.auth ==
          AuthMethod::kBasic);
}

TEST_CASE("A variable that thin-edge does not know is a warning, one of its others is none") {
    const struct {
        const char* name;
        bool warned;
    } cases[] = {
        {"TEDGE_UNKNOWN_VALUE", true},
        {"TEDGE_C8Y_PROFILES_TEST_UNKNOWN", true},
        {"TEDGE_MQTT_PORT", true},  // old names have no variable
        {"TEDGE_MQTT_PROFILES_X_TOPIC_ROOT", true},
        {"TEDGE_DEVICE_TYPE", false},
        {"TEDGE_APT_DPKG_OPTIONS_CONFIG", false},
        {"TEDGE_C8Y_PROFILES_TEST_PROXY_BIND_PORT", false},
        {"TEDGE_CONFIG_DIR", false},
        {"TEDGE_CLOUD_PROFILE", false},
        {"PATH", false},
    };
    for (const auto& row : cases) {
        CAPTURE(row.name);
        const Folder folder;
        folder.write("tedge.toml", "c8y.url = 't.example.com'");
        const auto config = load_config(folder.source({}, {{row.name, "x"}}));
        REQUIRE(config);
        CHECK(config->warnings.size() == (row.warned ? 1 : 0));
        if (row.warned) CHECK(contains(config->warnings[0], row.name));
    }
}
