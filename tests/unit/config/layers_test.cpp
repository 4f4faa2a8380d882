// SPDX-License-Identifier: Apache-2.0
// Which file counts, profiles and old names: facts/thin-edge.md §1, "Locations and
// precedence".
#include <doctest/doctest.h>

#include "base/fd.hpp"
#include "folder.hpp"

using namespace remote_access;
using namespace remote_access::test;

namespace {

std::string http(const Folder& folder, const std::string& profile = {},
                 std::map<std::string, std::string> env = {}) {
    const auto config = load_config(folder.source(profile, std::move(env)));
    return config ? config->cloud.http.text() : told(config, folder);
}

std::string broker(const Folder& folder, std::map<std::string, std::string> env = {}) {
    const auto config = load_config(folder.source({}, std::move(env)));
    return config ? config->broker.address.text() : told(config, folder);
}

}  // namespace

TEST_CASE("Without any mapper.toml, [c8y] of tedge.toml counts") {
    const Folder folder;
    folder.write("tedge.toml", "[c8y]\nurl = 'old.example.com'");
    folder.make_folder("mappers/c8y");  // a folder alone is no mapper.toml
    folder.write("mappers/az/mapper.toml", "");
    CHECK(http(folder) == "old.example.com:443");
    CHECK(load_config(folder.source())->warnings.empty());
}

TEST_CASE("mappers/c8y/mapper.toml has its keys at the top and counts instead, with a warning") {
    const Folder folder;
    folder.write(
        "tedge.toml",
        "[mqtt]\nclient.port = 1884\n[c8y]\nurl = 'old.example.com'\nauth_method = 'basic'");
    folder.write("mappers/c8y/mapper.toml",
                 "cloud_type = 'c8y'\nurl = 'new.example.com'\n[bridge]\ntopic_prefix = "
                 "'new'\n[profiles.p]\nurl = 'p'");
    const auto config = load_config(folder.source());
    REQUIRE(config);
    CHECK(config->cloud.http.text() == "new.example.com:443");
    CHECK(config->cloud.topic_prefix == "new");
    CHECK(config->cloud.auth == AuthMethod::kCertificate);
    CHECK(contains(http(folder, "p"), "no profile `p`"));
    CHECK(config->broker.address.port == 1884);  // the other sections stay where they are
    REQUIRE(config->warnings.size() == 1);
    CHECK(contains(config->warnings[0], "tedge.toml:3: [c8y] is ignored"));
}

TEST_CASE("One profile's mapper.toml is enough for [c8y] of tedge.toml not to count") {
    const Folder folder;
    folder.write("tedge.toml", "[c8y]\nurl = 'old.example.com'\n[c8y.profiles.b]\nurl = 'b'");
    folder.write("mappers/c8y.a/mapper.toml", "url = 'a.example.com'");
    CHECK(http(folder, "a") == "a.example.com:443");
    CHECK(http(folder) ==
          "@/mappers/c8y/mapper.toml | c8y.url is not set (tedge config set c8y.url HOST); [c8y] "
          "in tedge.toml does not count beside mapper.toml files");
    CHECK(http(folder, "b") ==
          "@/mappers/c8y.b/mapper.toml | no profile `b` (there is: a); [c8y] in tedge.toml does "
          "not count beside mapper.toml files");
}

TEST_CASE("A profile inherits nothing from the default profile") {
    for (const bool mapper_files : {false, true}) {
        CAPTURE(mapper_files);
        const Folder folder;
        const std::string keys =
            "url = 't.example.com'\nhttp = 'h.example.com:1'\nauth_method = 'basic'\n"
            "root_cert_path = '/roots'\ncredentials_path = '/cred'\nbridge.topic_prefix = 'x'\n";
        if (mapper_files) {
            folder.write("mappers/c8y/mapper.toml", keys);
            folder.write("mappers/c8y.prod/mapper.toml", "url = 'p.example.com'");
        } else {
            folder.write("tedge.toml",
                         "[c8y]\n" + keys + "[c8y.profiles.Prod]\nurl = 'p.example.com'");
        }
        const auto config = load_config(folder.source("PROD"));
        REQUIRE(config);
        CHECK(config->source.profile == "prod");
        CHECK(config->cloud.http.text() == "p.example.com:443");
        CHECK(config->cloud.auth == AuthMethod::kCertificate);
        CHECK(config->cloud.root_cert_paths[0] == "/etc/ssl/certs");
        CHECK(config->cloud.credentials_path == folder.file("credentials.toml"));
        CHECK(config->cloud.topic_prefix == "c8y");
    }
}

TEST_CASE("A profile has its own host, prefix, login and trust") {
    const Folder folder;
    folder.write(
        "tedge.toml",
        "[c8y]\nurl = 't.example.com'\n[c8y.profiles.p]\nhttp = 'p.example.com:8443'\n"
        "auth_method = 'basic'\ncredentials_path = '/p/cred'\nroot_cert_path = '/p/roots'\n"
        "bridge.topic_prefix = 'c8y-p'");
    const auto config = load_config(folder.source("p"));
    REQUIRE(config);
    CHECK(config->cloud.http.text() == "p.example.com:8443");
    CHECK(config->cloud.auth == AuthMethod::kBasic);
    CHECK(config->cloud.credentials_path == "/p/cred");
    CHECK(config->cloud.root_cert_paths[0] == "/p/roots");
    CHECK(config->cloud.topic_prefix == "c8y-p");
}

TEST_CASE("An unknown or impossible profile is an error that says what was looked for") {
    const Folder folder;
    CHECK(http(folder, "x") == "@/tedge.toml | no profile `x` (there is: none)");
    folder.write("tedge.toml", "[c8y.profiles.a]\n[c8y.profiles.b]\nurl = 'b'");
    CHECK(http(folder, "x") == "@/tedge.toml | no profile `x` (there is: a, b)");
    CHECK(http(folder, "a") ==
          "@/tedge.toml | c8y.url is not set (tedge config set c8y.url HOST --profile a)");
    CHECK(http(folder, "b.c") == "profile `b.c` | a name is of letters, digits, `-` and `_`");
    folder.write("tedge.toml", "[c8y.profiles.'a b']");
    CHECK(contains(http(folder), "@/tedge.toml:1 | key `c8y.profiles.a b`: must be a table whose"));
}

TEST_CASE("Missing files are empty; anything else that cannot be read is an error that names it") {
    const Folder folder;
    CHECK(http(folder) == "@/tedge.toml | c8y.url is not set (tedge config set c8y.url HOST)");
    CHECK(http(folder, {}, {{"TEDGE_C8Y_URL", "e.example.com"}}) == "e.example.com:443");

    const char* const files[] = {"tedge.toml",
                                 "mappers/c8y/mapper.toml",
                                 "mappers/c8y.other/mapper.toml",
                                 "mappers/az/mapper.toml",
                                 "system.toml",
                                 "plugins/c8y-remote-access-connect.toml"};
    for (const std::string file : files) {
        CAPTURE(file);
        const Folder broken;
        broken.write("tedge.toml", "[c8y]\nurl = 't.example.com'");
        const std::string at = "@/" + file;
        std::filesystem::remove(broken.file(file));
        broken.write(file, "\nurl = hush");
        std::string error = http(broken, {}, {{"TEDGE_C8Y_URL", "e.example.com"}});
        CHECK(error.rfind(at + ":2 | is not valid TOML", 0) == 0);
        CHECK_FALSE(contains(error, "hush"));
        std::filesystem::remove(broken.file(file));
        broken.make_folder(file);
        error = http(broken, {}, {{"TEDGE_C8Y_URL", "e.example.com"}});
        CHECK(error == at + " | is not a regular file");
    }
}

TEST_CASE("Old key names of version 1 are read and nothing is written back") {
    const struct {
        const char *toml, *address, *ca_file, *ca_dir, *cert_file;
    } cases[] = {
        {"mqtt.port = 1884", "127.0.0.1:1884", "", "", ""},
        {"config.version = '1'\nmqtt.port = 1884", "127.0.0.1:1884", "", "", ""},
        {"[mqtt]\nport = 1884\nclient_port = 1885", "127.0.0.1:1885", "", "", ""},
        {"mqtt.client_host = 'broker'", "broker:1883", "", "", ""},
        {"mqtt.client_ca_file = '/f'\nmqtt.client_ca_path = '/d'", "127.0.0.1:1883", "/f", "/d",
         ""},
        {"[mqtt.client_auth]\ncert_file = '/c'\nkey_file = '/k'", "127.0.0.1:1883", "", "", "/c"},
        {"config.version = '2'\n[mqtt.client.auth]\ncafile = '/f'\ncadir = '/d'\ncertfile = '/c'\n"
         "keyfile = '/k'",
         "127.0.0.1:1883", "/f", "/d", "/c"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.toml);
        const Folder folder;
        const std::string content = "c8y.url = 't.example.com'\n" + std::string(row.toml);
        folder.write("tedge.toml", content);
        const auto config = load_config(folder.source());
        REQUIRE_MESSAGE(config, told(config, folder));
        CHECK(config->broker.address.text() == row.address);
        CHECK(config->broker.ca_file == row.ca_file);
        CHECK(config->broker.ca_dir == row.ca_dir);
        CHECK(config->broker.cert_file == row.cert_file);
        const auto kept = read_file(folder.file("tedge.toml"));
        CHECK((kept && *kept == content));
    }
}

TEST_CASE("An old name beside its new one is an error, and in a version 2 file only a warning") {
    const Folder folder;
    folder.write("tedge.toml", "c8y.url = 't.example.com'\n[mqtt]\nbind.port = 1\nport = 2");
    CHECK(broker(folder) ==
          "@/tedge.toml:4 | key `mqtt.port`: is given twice: here and as `mqtt.bind.port`");
    folder.write("tedge.toml", "config.version = '2'\nc8y.url = 't.example.com'\nmqtt.port = 2");
    CHECK(broker(folder) == "127.0.0.1:1883");
    CHECK(contains(load_config(folder.source())->warnings.at(0), "tedge.toml:3: key `mqtt.port`"));
}

TEST_CASE("For reporting, what can be read is used and the rest has its default") {
    const Folder folder;
    folder.write("tedge.toml",
                 "mqtt.client.port = 1884\nmqtt.topic_root = 7\n[c8y]\n"
                 "bridge.topic_prefix = 'x'\nhttp = 'https://wrong'");
    CHECK_FALSE(load_config(folder.source()));
    Config config = config_for_reporting(folder.source());
    CHECK(config.broker.address.text() == "127.0.0.1:1884");
    CHECK(config.cloud.topic_prefix == "x");
    CHECK(config.topic_root == "te");

    folder.write("tedge.toml", "not TOML");
    config = config_for_reporting(folder.source({}, {{"TEDGE_MQTT_CLIENT_PORT", "1885"}}));
    CHECK(config.broker.address.text() == "127.0.0.1:1885");
    CHECK(config.cloud.topic_prefix == "c8y");
    CHECK(config.paths.run == "/run");
}
