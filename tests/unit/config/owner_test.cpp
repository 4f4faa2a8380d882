// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "folder.hpp"

using namespace remote_access;
using namespace remote_access::test;

namespace {

constexpr const char* kFile = "plugins/c8y-remote-access-connect.toml";
using Kind = AllowRule::Kind;

std::string problem(const std::string& toml) {
    const Folder folder;
    folder.write(kFile, toml);
    return told(load_owner_config(folder.path()), folder);
}

}  // namespace

TEST_CASE("Without a settings file everything has the default of the design") {
    const Folder folder;
    const auto owner = load_owner_config(folder.path());
    REQUIRE(owner);
    CHECK(owner->path == folder.file(kFile));
    CHECK(owner->enabled);
    CHECK(owner->approve.empty());
    CHECK_FALSE(owner->operation_format.has_value());
    REQUIRE(owner->allow.size() == 2);
    CHECK(owner->allow[0].kind == Kind::kThisDevice);
    CHECK(owner->allow[0].text == "this-device");
    CHECK(owner->allow[1].kind == Kind::kLocalNetwork);
    CHECK(owner->allow[1].ports.empty());
    CHECK(owner->allow[1].line == 0);
    CHECK(owner->limits.sessions == 16);
    CHECK(owner->limits.connect == Milliseconds(20'000));
    CHECK(owner->keepalive.timeout == Milliseconds(60'000));
    CHECK(owner->audit_events);
    CHECK(owner->sandbox == SandboxMode::kAuto);
}

TEST_CASE("Every setting is read") {
    const Folder folder;
    folder.write(
        kFile,
        "enabled = false\nsandbox = 'required'\napprove = '/usr/bin/ask \"him\" '\n"
        "operation_format = 'json'\n"
        "[limits]\nsessions = 3\nconnect = '30s'\nidle = '10m'\nduration = '1h30m'\n"
        "drain = '0s'\n[keepalive]\nping = '5s'\ntimeout = '11s'\n[audit]\nevents = false\n"
        "[[allow]]\nhost = '192.168.1.0/24'\nports = [22, '5900-5910']\n"
        "[[allow]]\nhost = 'PLC.Local.'\n");
    const auto owner = load_owner_config(folder.path());
    REQUIRE_MESSAGE(owner, told(owner, folder));
    CHECK_FALSE(owner->enabled);
    CHECK(owner->approve == "/usr/bin/ask \"him\" ");
    CHECK(owner->limits.sessions == 3);
    CHECK(owner->limits.connect == Milliseconds(30'000));
    CHECK(owner->limits.idle == Milliseconds(600'000));
    CHECK(owner->limits.duration == Milliseconds(5'400'000));
    CHECK(owner->limits.drain == Milliseconds(0));
    CHECK(owner->keepalive.ping == Milliseconds(5'000));
    CHECK(owner->keepalive.timeout == Milliseconds(11'000));
    CHECK_FALSE(owner->audit_events);
    REQUIRE(owner->allow.size() == 2);
    const AllowRule& block = owner->allow[0];
    CHECK(owner->operation_format == OperationFormat::kJson);
    CHECK(block.line == 16);
    CHECK(owner->sandbox == SandboxMode::kRequired);
    CHECK(block.block->text() == "192.168.1.0/24");
    using Ports = std::vector<std::pair<std::uint16_t, std::uint16_t>>;
    CHECK(block.ports == Ports{{22, 22}, {5900, 5910}});
    CHECK(owner->allow[1].name == "plc.local");
    CHECK(owner->allow[1].text == "PLC.Local.");
    CHECK(owner->allow[1].ports.empty());
}

TEST_CASE("A host of a rule is of one kind") {
    const struct {
        const char* host;
        Kind kind;
    } cases[] = {
        {"*", Kind::kAny},
        {"this-device", Kind::kThisDevice},
        {"This-Device", Kind::kThisDevice},
        {"local-network", Kind::kLocalNetwork},
        {"10.1.2.3", Kind::kBlock},
        {"10.0.0.0/8", Kind::kBlock},
        {"fd00::1", Kind::kBlock},
        {"[fd00::1]", Kind::kBlock},
        {"fd00::/8", Kind::kBlock},
        {"plc", Kind::kName},
        {"plc-1.factory.example", Kind::kName},
        {"1.plc", Kind::kName},
    };
    for (const auto& row : cases) {
        CAPTURE(row.host);
        const Folder folder;
        folder.write(kFile, std::string("[[allow]]\nhost = '") + row.host + "'");
        const auto owner = load_owner_config(folder.path());
        REQUIRE_MESSAGE(owner, told(owner, folder));
        CHECK(owner->allow.at(0).kind == row.kind);
        CHECK(owner->allow[0].block.has_value() == (row.kind == Kind::kBlock));
        CHECK(owner->allow[0].name.empty() == (row.kind != Kind::kName));
    }
}

TEST_CASE("A host that is none of them is an error with its line") {
    for (const char* host :
         {"''", "'192.168.1.300'", "'192.168.1.1/24'", "'10.0.0.0/33'", "'0x7f.1'", "'127.1'",
          "'*.example.com'", "'a b'", "'host:22'", "'http://host'", "3", "['plc']"}) {
        CAPTURE(host);
        CHECK(contains(problem(std::string("[[allow]]\nhost = ") + host),
                       "connect.toml:2 | key `allow.host`: must be a name, an address"));
    }
}

TEST_CASE("What is not understood is an error that names file, line and key") {
    const struct {
        const char *toml, *error;
    } cases[] = {
        {"enabeld = false", ":1 | key `enabeld`: is unknown"},
        {"\n[limit]\nsessions = 1", ":2 | key `limit`: is unknown"},
        {"[limits]\nsession = 1", ":2 | key `limits.session`: is unknown"},
        {"[limits]\nsessions = 0", ":2 | key `limits.sessions`: must be a number from 1 to 1000"},
        {"[limits]\nsessions = 1001", ":2 | key `limits.sessions`: must be a number from 1 to"},
        {"[limits]\nsessions = '3'", ":2 | key `limits.sessions`: must be a number from 1 to"},
        {"limits.connect = '500ms'", ":1 | key `limits.connect`: must be from 1s to 5m"},
        {"limits.connect = '6m'", ":1 | key `limits.connect`: must be from 1s to 5m"},
        {"limits.connect = '0s'", ":1 | key `limits.connect`: must be from 1s to 5m"},
        {"limits.connect = 20", ":1 | key `limits.connect`: must be a duration in quotes such as"},
        {"limits.connect = '20'", ":1 | key `limits.connect`: must be a duration in quotes such"},
        {"limits.idle = '1ms'", ":1 | key `limits.idle`: must be 0s or from 1s to 365d"},
        {"limits.duration = '366d'", ":1 | key `limits.duration`: must be 0s or from 1s to 365d"},
        {"limits.drain = '61s'", ":1 | key `limits.drain`: must be from 0s to 1m"},
        {"keepalive.ping = '11m'", ":1 | key `keepalive.ping`: must be from 100ms to 10m"},
        {"keepalive.timeout = '25s'", ":1 | key `keepalive.timeout`: must be longer than keep"},
        {"keepalive.ping = '60s'",
         ":1 | key `keepalive.timeout`: must be longer than keepalive.ping"},
        {"keepalive.pong = '1s'", ":1 | key `keepalive.pong`: is unknown"},
        {"limits = 3", ":1 | key `limits`: must be a table"},
        {"[[limits]]\nsessions = 3", ":1 | key `limits`: must be a table"},
        {"audit.events = 1", ":1 | key `audit.events`: must be true or false"},
        {"audit.file = 'x'", ":1 | key `audit.file`: is unknown"},
        {"enabled = 'false'", ":1 | key `enabled`: must be true or false"},
        {"operation_format = 'xml'",
         ":1 | key `operation_format`: must be \"smartrest\" or \"json\""},
        {"enabled = true\noperation_format = true",
         ":2 | key `operation_format`: must be \"smartrest\" or \"json\""},
        {"approve = true", ":1 | key `approve`: must be a command in quotes"},
        {"approve = ' '", ":1 | key `approve`: must be a command in quotes"},
        {"sandbox = 'off'", ":1 | key `sandbox`: must be \"auto\" or \"required\""},
        {"sandbox = false", ":1 | key `sandbox`: must be \"auto\" or \"required\""},
        {"allow = []", ":1 | key `allow`: must be [[allow]] tables"},
        {"allow = ['*']", ":1 | key `allow`: must be [[allow]] tables"},
        {"[allow]\nhost = '*'", ":1 | key `allow`: must be [[allow]] tables"},
        {"[[allow]]\nhost = '*'\n[[allow]]\nport = 1", ":4 | key `allow.port`: is unknown"},
        {"\n[[allow]]\nports = [1]", ":2 | key `allow.host`: is missing"},
        {"[[allow]]\nhost = '*'\nports = []", ":3 | key `allow.ports`: must be a list such as"},
        {"[[allow]]\nhost = '*'\nports = 22", ":3 | key `allow.ports`: must be a list such as"},
        {"[[allow]]\nhost = '*'\nports = [1,\n0]", ":4 | key `allow.ports`: each must be a port"},
        {"[[allow]]\nhost = '*'\nports = [65536]", ":3 | key `allow.ports`: each must be a port"},
        {"[[allow]]\nhost = '*'\nports = ['22']", ":3 | key `allow.ports`: each must be a port"},
        {"[[allow]]\nhost = '*'\nports = ['9-8']", ":3 | key `allow.ports`: each must be a port"},
        {"[[allow]]\nhost = '*'\nports = ['1 - 2']", ":3 | key `allow.ports`: each must be a port"},
        {"enabled = maybe", ":1 | is not valid TOML"},
        {"enabled = true\nenabled = true", ":2 | is not valid TOML"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.toml);
        const std::string start = std::string("@/") + kFile + row.error;
        CHECK_MESSAGE(problem(row.toml).rfind(start, 0) == 0, problem(row.toml));
    }
}

TEST_CASE("load_config takes the settings file along, and stops at its errors") {
    const Folder folder;
    folder.write("tedge.toml", "c8y.url = 't.example.com'");
    folder.write(kFile, "limits.sessions = 5");
    CHECK(load_config(folder.source())->owner.limits.sessions == 5);
    folder.write(kFile, "limits.sessions = 0");
    const auto config = load_config(folder.source());
    REQUIRE_FALSE(config);
    CHECK(
        contains(reason(config.error()), "key `limits.sessions`: must be a number from 1 to 1000"));
}
