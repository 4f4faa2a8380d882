// SPDX-License-Identifier: Apache-2.0
// Each key of facts/thin-edge.md §1: its default, its value from a file, and from the environment.
#include <doctest/doctest.h>

#include <functional>

#include "folder.hpp"

using namespace remote_access;
using namespace remote_access::test;

namespace {

using Shown = std::function<std::string(const Config&)>;

struct KeyRow {
    const char* name;
    const char* toml;  // "@" stands for the configuration folder
    const char* variable;
    const char* value;  // of the variable
    const char* otherwise;
    const char* from_file;
    Shown shown;
};

std::string first_root(const Config& config) { return config.cloud.root_cert_paths.at(0); }
std::string method(const Config& config) {
    return config.cloud.auth == AuthMethod::kBasic ? "basic" : "certificate";
}

const KeyRow kRows[] = {
    {"c8y.http", "c8y.http = 'h.example.com:8443'", "TEDGE_C8Y_HTTP", "e.example.com",
     "t.example.com:443", "h.example.com:8443", [](auto& c) { return c.cloud.http.text(); }},
    {"c8y.url", "c8y.url = 'u.example.com'", "TEDGE_C8Y_URL", "e.example.com", "t.example.com:443",
     "u.example.com:443", [](auto& c) { return c.cloud.http.text(); }},
    {"c8y.root_cert_path", "c8y.root_cert_path = '/c/roots'", "TEDGE_C8Y_ROOT_CERT_PATH", "/e",
     "/etc/ssl/certs", "/c/roots", first_root},
    {"c8y.auth_method", "c8y.auth_method = 'basic'", "TEDGE_C8Y_AUTH_METHOD", "basic",
     "certificate", "basic", method},
    {"c8y.credentials_path", "c8y.credentials_path = '/c/cred'", "TEDGE_C8Y_CREDENTIALS_PATH", "/e",
     "@/credentials.toml", "/c/cred", [](auto& c) { return c.cloud.credentials_path; }},
    {"c8y.bridge.topic_prefix", "c8y.bridge.topic_prefix = 'c8y-x'",
     "TEDGE_C8Y_BRIDGE_TOPIC_PREFIX", "c8y-e", "c8y", "c8y-x",
     [](auto& c) { return c.cloud.topic_prefix; }},
    {"mqtt.client.host", "mqtt.client.host = 'broker'", "TEDGE_MQTT_CLIENT_HOST", "10.0.0.9",
     "127.0.0.1:1883", "broker:1883", [](auto& c) { return c.broker.address.text(); }},
    {"mqtt.client.host with IPv6", "mqtt.client.host = '::1'", "TEDGE_MQTT_CLIENT_HOST", "[::2]",
     "127.0.0.1:1883", "[::1]:1883", [](auto& c) { return c.broker.address.text(); }},
    {"mqtt.client.port", "mqtt.client.port = 8883", "TEDGE_MQTT_CLIENT_PORT", "1884",
     "127.0.0.1:1883", "127.0.0.1:8883", [](auto& c) { return c.broker.address.text(); }},
    {"mqtt.bind.port", "mqtt.bind.port = 2883", "TEDGE_MQTT_BIND_PORT", "1884", "127.0.0.1:1883",
     "127.0.0.1:2883", [](auto& c) { return c.broker.address.text(); }},
    {"mqtt.client.auth.ca_file", "mqtt.client.auth.ca_file = '/c/ca'",
     "TEDGE_MQTT_CLIENT_AUTH_CA_FILE", "/e", "", "/c/ca", [](auto& c) { return c.broker.ca_file; }},
    {"mqtt.client.auth.ca_dir", "mqtt.client.auth.ca_dir = '/c/ca/'",
     "TEDGE_MQTT_CLIENT_AUTH_CA_DIR", "/e", "", "/c/ca", [](auto& c) { return c.broker.ca_dir; }},
    {"mqtt.client.auth.cert_file",
     "mqtt.client.auth.cert_file = '/c/cert'\nmqtt.client.auth.key_file = '/c/key'",
     "TEDGE_MQTT_CLIENT_AUTH_CERT_FILE", "/e", "", "/c/cert",
     [](auto& c) { return c.broker.cert_file; }},
    {"mqtt.client.auth.key_file",
     "mqtt.client.auth.cert_file = '/c/cert'\nmqtt.client.auth.key_file = '/c/key'",
     "TEDGE_MQTT_CLIENT_AUTH_KEY_FILE", "/e", "", "/c/key",
     [](auto& c) { return c.broker.key_file; }},
    {"mqtt.client.auth.username", "mqtt.client.auth.username = 'me'",
     "TEDGE_MQTT_CLIENT_AUTH_USERNAME", "you", "", "me", [](auto& c) { return c.broker.username; }},
    {"mqtt.client.auth.password_file", "mqtt.client.auth.password_file = '/c/pw'",
     "TEDGE_MQTT_CLIENT_AUTH_PASSWORD_FILE", "/e", "", "/c/pw",
     [](auto& c) { return c.broker.password_file; }},
    {"proxy.address", "proxy.address = 'https://proxy'", "TEDGE_PROXY_ADDRESS", "proxy:3128", ":0",
     "proxy:443", [](auto& c) { return c.proxy.address.text(); }},
    {"proxy.username", "proxy.username = 'me'", "TEDGE_PROXY_USERNAME", "you", "", "me",
     [](auto& c) { return c.proxy.username; }},
    {"proxy.password", "proxy.password = 'hush'", "TEDGE_PROXY_PASSWORD", "hush hush", "", "hush",
     [](auto& c) { return std::string(c.proxy.password.reveal()); }},
    {"proxy.no_proxy", "proxy.no_proxy = '127.0.0.1,.lan'", "TEDGE_PROXY_NO_PROXY", "*", "",
     "127.0.0.1,.lan", [](auto& c) { return c.proxy.no_proxy; }},
    {"mqtt.topic_root", "mqtt.topic_root = 'edge'", "TEDGE_MQTT_TOPIC_ROOT", "e", "te", "edge",
     [](auto& c) { return c.topic_root; }},
    {"mqtt.device_topic_id", "mqtt.device_topic_id = 'device/x'", "TEDGE_MQTT_DEVICE_TOPIC_ID",
     "a/b/c/d", "device/main//", "device/x//", [](auto& c) { return c.device_topic_id; }},
    {"run.path", "run.path = '/c/run'", "TEDGE_RUN_PATH", "/e", "/run", "/c/run",
     [](auto& c) { return c.paths.run; }},
    {"logs.path", "logs.path = '/c/logs'", "TEDGE_LOGS_PATH", "/e", "/var/log/tedge", "/c/logs",
     [](auto& c) { return c.paths.logs; }},
    {"tmp.path", "tmp.path = '/c/tmp'", "TEDGE_TMP_PATH", "/e", "/tmp", "/c/tmp",
     [](auto& c) { return c.paths.tmp; }},
    {"data.path", "data.path = '/c/data'", "TEDGE_DATA_PATH", "/e", "/var/tedge", "/c/data",
     [](auto& c) { return c.paths.data; }},
};

// The value a row shows with this tedge.toml, which gets a c8y.url where it has none.
std::string shown(const KeyRow& row, std::string toml, std::map<std::string, std::string> env) {
    const Folder folder;
    if (!contains(toml, "c8y.url")) toml += "\nc8y.url = 't.example.com'";
    folder.write("tedge.toml", toml);
    const auto config = load_config(folder.source({}, std::move(env)));
    if (!config) return told(config, folder);
    std::string text = row.shown(*config);
    if (text.compare(0, folder.path().size(), folder.path()) == 0)
        text.replace(0, folder.path().size(), "@");
    return text;
}

}  // namespace

TEST_CASE("Each key has thin-edge's default, its file's value, and its variable's over that") {
    for (const KeyRow& row : kRows) {
        CAPTURE(row.name);
        CHECK(shown(row, "", {}) == row.otherwise);
        CHECK(shown(row, row.toml, {}) == row.from_file);
        const std::string both = shown(row, row.toml, {{row.variable, row.value}});
        // A certificate and its key count only together: both are in the file.
        const bool pair = contains(row.name, "cert_file") || contains(row.name, "key_file");
        CHECK(both == (pair ? row.value : shown(row, "", {{row.variable, row.value}})));
        CHECK(both != row.otherwise);
        if (!contains(row.name, "auth_method")) CHECK(both != row.from_file);
        if (contains(row.name, "url")) continue;
        CHECK(shown(row, row.toml, {{row.variable, ""}}) == row.otherwise);
    }
}

TEST_CASE("A value of the wrong type or form is an error with file, line and key") {
    const struct {
        const char *toml, *error;
    } cases[] = {
        {"\nmqtt.client.port = '1883'",
         "@/tedge.toml:2 | key `mqtt.client.port`: must be a number"},
        {"[mqtt]\nbind.port = 0",
         "@/tedge.toml:2 | key `mqtt.bind.port`: must be a port from 1 to"},
        {"run.path = 1", "@/tedge.toml:1 | key `run.path`: must be a string"},
        {"[c8y.url]", "@/tedge.toml:1 | key `c8y.url`: must be a string"},
        {"c8y = 3", "@/tedge.toml:1 | key `c8y`: must be a table"},
        {"c8y.profiles = 3", "@/tedge.toml:1 | key `c8y.profiles`: must be a table"},
        {"c8y.http = 'https://t.example.com'",
         "@/tedge.toml:1 | key `c8y.http`: must be host[:port] "
         "without a scheme"},
        {"c8y.url = 't.example.com:443'",
         "@/tedge.toml:1 | key `c8y.url`: must be a host name or an "
         "address, without a port"},
        {"c8y.auth_method = 'password'", "@/tedge.toml:1 | key `c8y.auth_method`: must be"},
        {"c8y.bridge.topic_prefix = '#'",
         "@/tedge.toml:1 | key `c8y.bridge.topic_prefix`: must be"},
        {"proxy.address = 'ftp://x'", "@/tedge.toml:1 | key `proxy.address`: must be [http[s]://]"},
        {"config.version = '3'", "@/tedge.toml:1 | key `config.version`: must be \"1\" or \"2\""},
        {"config.version = 2", "@/tedge.toml:1 | key `config.version`: must be \"1\" or \"2\""},
    };
    for (const auto& row : cases) {
        CAPTURE(row.toml);
        const Folder folder;
        folder.write("tedge.toml", row.toml);
        const auto config = load_config(folder.source());
        REQUIRE_FALSE(config);
        CHECK(config.error().fault == Fault::kSettings);
        CHECK(told(config, folder).rfind(row.error, 0) == 0);
    }
}

TEST_CASE("auth_method auto is basic exactly when the credentials file exists") {
    const Folder folder;
    folder.write("tedge.toml", "[c8y]\nurl = 't.example.com'\nauth_method = 'auto'");
    CHECK(method(*load_config(folder.source())) == "certificate");
    folder.write("credentials.toml", "");
    CHECK(method(*load_config(folder.source())) == "basic");
}

TEST_CASE("Trust is the profile's own root_cert_path first, then that of every cloud profile") {
    using Paths = std::vector<std::string>;
    const Folder folder;
    folder.write("tedge.toml",
                 "[c8y]\nurl = 't.example.com'\nroot_cert_path = '/c8y'\n"
                 "[c8y.profiles.a]\nurl = 'a.example.com'\nroot_cert_path = '/a'\n"
                 "[az]\nroot_cert_path = '/az'\n[az.profiles.b]\nroot_cert_path = '/a/'\n");
    CHECK(load_config(folder.source())->cloud.root_cert_paths ==
          Paths{"/c8y", "/a", "/az", "/etc/ssl/certs"});
    CHECK(load_config(folder.source("a"))->cloud.root_cert_paths ==
          Paths{"/a", "/c8y", "/az", "/etc/ssl/certs"});
    folder.write("tedge.toml", "[c8y]\nurl = 't.example.com'\n[azure]\nroot_cert_path = '/az'\n");
    CHECK(load_config(folder.source({}, {{"TEDGE_AWS_ROOT_CERT_PATH", "/aws"}}))
              ->cloud.root_cert_paths == Paths{"/etc/ssl/certs", "/az", "/aws"});
}

TEST_CASE("A proxy's login is name and password or none, and the password is a Secret") {
    const Folder folder;
    const std::string head = "c8y.url = 't.example.com'\nproxy.address = 'proxy'\n";
    folder.write("tedge.toml", head + "proxy.username = 'me'\nproxy.password = 'hush'");
    const auto config = load_config(folder.source());
    REQUIRE(config);
    CHECK(config->proxy.username == "me");
    CHECK(config->proxy.password.reveal() == "hush");
    folder.write("tedge.toml", head + "proxy.password = 'hush'");
    CHECK(told(load_config(folder.source()), folder) ==
          "@/tedge.toml:3 | key `proxy.password`: proxy.username and proxy.password are needed "
          "together");
    folder.write("tedge.toml", head + "proxy.username = 'm:e'\nproxy.password = 'hush'");
    CHECK(told(load_config(folder.source()), folder) ==
          "@/tedge.toml:3 | key `proxy.username`: must not contain a colon (RFC 7617)");
}

TEST_CASE("Whether the proxy is used is decided by no_proxy, whose unreadable entries are told") {
    const Folder folder;
    const std::string head = "c8y.url = 't.example.com'\n";
    folder.write("tedge.toml", head + "proxy.no_proxy = 'x'");
    CHECK_FALSE(load_config(folder.source())->proxy.used);
    folder.write("tedge.toml", head + "proxy.address = 'proxy'");
    const auto through = load_config(folder.source());
    CHECK(through->proxy.used);
    CHECK(way_to(through->cloud.http, through->proxy) ==
          "t.example.com:443 through proxy proxy:80");
    folder.write("tedge.toml",
                 head + "proxy.address = 'proxy'\nproxy.no_proxy = 'a/b, .example.com:443'");
    const auto past = load_config(folder.source());
    CHECK_FALSE(past->proxy.used);
    CHECK(way_to(past->cloud.http, past->proxy) == "t.example.com:443");
    REQUIRE(past->warnings.size() == 1);
    CHECK(past->warnings[0].find("proxy.no_proxy: `a/b`") == 0);
}

TEST_CASE("A client certificate without its key is left out with a warning") {
    const Folder folder;
    folder.write("tedge.toml", "c8y.url = 't.example.com'\nmqtt.client.auth.key_file = '/k'");
    const auto config = load_config(folder.source());
    REQUIRE(config);
    CHECK(config->broker.key_file.empty());
    REQUIRE(config->warnings.size() == 1);
    CHECK(contains(config->warnings[0], "no client certificate"));
}

TEST_CASE("system.toml names thin-edge's user and group") {
    const Folder folder;
    folder.write("tedge.toml", "c8y.url = 't.example.com'");
    CHECK(load_config(folder.source())->user == "tedge");
    CHECK(load_config(folder.source())->group == "tedge");
    folder.write("system.toml", "user = 'edge'\n[init]\nname = 'systemd'\n");
    CHECK(load_config(folder.source())->user == "edge");
    CHECK(load_config(folder.source())->group == "tedge");
    folder.write("system.toml", "group = 3");
    CHECK(told(load_config(folder.source()), folder) ==
          "@/system.toml:1 | key `group`: must be a name");
}

TEST_CASE("The session socket is in run.path") {
    const Folder folder;
    folder.write("tedge.toml", "c8y.url = 't.example.com'\nrun.path = '/run/x'");
    CHECK(load_config(folder.source())->socket_path() == "/run/x/c8y-remote-access-connect.sock");
}
