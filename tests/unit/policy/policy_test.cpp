// SPDX-License-Identifier: Apache-2.0
// Names, ports, what a decision says, and nasty targets from the operation's text to the decision.
#include <doctest/doctest.h>

#include "network.hpp"

namespace remote_access {
namespace {

using namespace policy_test;

struct NameRow {
    const char* host;
    const char* rules;
    const char* address;  // what it resolves to
    const char* rule;     // that allows it: "1", "2", …; "name": refused before; "": by address
};

const NameRow kNames[] = {
    {"plc.example", "plc.example", "192.0.2.7", "1"},
    {"plc.example", "plc.example", "2001:db8:9::1", "1"},
    {"plc.example", "plc.example", "192.168.1.10", ""},
    {"plc.example", "plc.example", "127.0.0.1", ""},
    {"plc.example", "plc.example", "::1", ""},
    {"plc.example", "plc.example", "::ffff:127.0.0.1", ""},
    {"plc.example", "plc.example", "169.254.169.254", ""},
    {"plc.example", "plc.example", "fe80::1", ""},
    {"plc.example", "plc.example", "0.0.0.0", ""},
    {"plc.example", "plc.example", "::", ""},
    {"plc.example", "plc.example", "192.168.1.255", ""},
    {"plc.example", "plc.example", "64:ff9b::127.0.0.1", ""},
    {"plc.example", "plc.example;this-device", "127.0.0.1", "2"},
    {"plc.example", "plc.example;127.0.0.0/8", "127.0.0.1", "2"},
    {"plc.example", "plc.example;169.254.169.254", "169.254.169.254", "2"},
    {"plc.example", "*", "127.0.0.1", "1"},
    {"plc.example", "*", "169.254.169.254", ""},
    {"other.example", "plc.example", "192.0.2.7", "name"},
    {"example", "plc.example", "192.0.2.7", "name"},
    {"a.plc.example", "plc.example", "192.0.2.7", "name"},
    {"plc.example.evil", "plc.example", "192.0.2.7", "name"},
    {"other.example", "plc.example;192.0.2.0/24", "192.0.2.7", "2"},
    {"other.example", "plc.example;192.0.2.0/24", "192.0.3.7", ""},
    {"localhost", "localhost", "127.0.0.1", "1"},
    {"localhost", "localhost", "::1", "1"},
    {"localhost", "localhost", "169.254.169.254", ""},
    {"db.localhost", "db.localhost", "127.0.0.1", "1"},
    {"db.localhost", "localhost", "127.0.0.1", "name"},
    {"notlocalhost", "notlocalhost", "127.0.0.1", ""},
    {"localhost.evil", "localhost.evil", "127.0.0.1", ""},
    {".localhost", ".localhost", "127.0.0.1", ""},
    {"localhost", "this-device", "127.0.0.1", "1"},
    {"localhost", "this-device", "192.0.2.7", ""},
    {"localhost", "local-network", "127.0.0.1", ""},
    {"plc.example", "plc.example 22", "192.0.2.7", "1"},
    {"plc.example", "plc.example 23", "192.0.2.7", "name"},
    {"plc.example", "plc.example 23;* 22", "192.0.2.7", "2"},
    {"plc.example", "192.0.2.7 23", "192.0.2.7", "name"},
    {"plc.example", "192.0.2.7 23;192.0.2.0/24 1-22", "192.0.2.7", "2"},
};

TEST_CASE("a name passes if some rule could allow it, then each of its addresses is asked") {
    for (const NameRow& row : kNames) {
        CAPTURE(row.host);
        CAPTURE(row.rules);
        CAPTURE(row.address);
        const OwnerConfig config = owner(row.rules);
        const auto permit = decide(request(row.host), config, device());
        CHECK(permit.ok() == (std::string(row.rule) != "name"));
        if (!permit) continue;
        CHECK(permit->rule().empty());
        const auto rule = permit->rule_for(*IpAddress::parse(row.address), device());
        CHECK(rule.ok() == (std::string(row.rule) != ""));
        if (rule) CHECK(rule->find("(line " + std::string(row.rule) + ")") != std::string::npos);
    }
}

struct PortRow {
    const char* rules;
    int port;
    bool allowed;
};

const PortRow kPorts[] = {
    {"*", 1, true},
    {"*", 65535, true},
    {"* 22", 22, true},
    {"* 22", 23, false},
    {"* 22", 21, false},
    {"* 22 5900-5910", 5900, true},
    {"* 22 5900-5910", 5905, true},
    {"* 22 5900-5910", 5910, true},
    {"* 22 5900-5910", 5899, false},
    {"* 22 5900-5910", 5911, false},
    {"* 65535", 65535, true},
    {"* 1-65535", 65535, true},
    {"* 22;192.0.2.7 23", 23, true},
    {"* 22;192.0.2.8 23", 23, false},
};

TEST_CASE("a rule with ports covers these and no other") {
    for (const PortRow& row : kPorts) {
        CAPTURE(row.rules);
        CAPTURE(row.port);
        CHECK(decide(request("192.0.2.7", row.port), owner(row.rules), device()).ok() ==
              row.allowed);
    }
}

struct TextRow {
    const char* host;
    int port;
    const char* rules;   // "": the built-in ones
    const char* detail;  // up to the path
};

const TextRow kTexts[] = {
    {"192.0.2.7", 22, "",
     "192.0.2.7 is not on a directly connected network and no [[allow]] rule covers port 22 (add "
     "one to "},
    {"192.0.2.7", 22, "192.0.2.8",
     "192.0.2.7: no [[allow]] rule covers it on port 22 (add one to "},
    {"192.0.2.7", 23, "192.0.2.8;192.0.2.0/24 22",
     "192.0.2.7 is allowed, but not on port 23 (change ports of the rule in line 2 in "},
    {"169.254.169.254", 80, "*",
     "169.254.169.254 is a metadata address of cloud machines: only an [[allow]] rule that names "
     "it reaches it ("},
    {"192.168.1.255", 22, "",
     "192.168.1.255 is the broadcast address of 192.168.1.0/24: only an [[allow]] rule that names "
     "it reaches it ("},
    {"0.0.0.0", 22, "*",
     "0.0.0.0 is an unspecified address (0.0.0.0 leads to this device): only an [[allow]] rule "
     "that "
     "names it reaches it ("},
    {"64:ff9b::7f00:1", 22, "*",
     "64:ff9b::7f00:1 is an IPv6 form of 127.0.0.1, this device itself: only an [[allow]] rule "
     "that "
     "names it reaches it ("},
    {"127.0.0.1", 22, "192.168.1.0/24",
     "127.0.0.1 is this device itself and no [[allow]] rule \"this-device\" covers port 22 (add "
     "one "
     "to "},
    {"plc.example", 22, "other.example",
     "no [[allow]] rule covers this name on port 22 (add one to "},
};

TEST_CASE("a refusal says the address, the port and the setting to change") {
    for (const TextRow& row : kTexts) {
        CAPTURE(row.host);
        const OwnerConfig config = *row.rules == '\0' ? defaults() : owner(row.rules);
        const auto permit = decide(request(row.host, row.port), config, device());
        REQUIRE_FALSE(permit.ok());
        CHECK(permit.error().fault == Fault::kPolicy);
        CHECK(permit.error().subject == request(row.host, row.port).target());
        CHECK(permit.error().detail == row.detail + kPath + ")");
        CHECK(reason(permit.error()).find(kPath + ")") != std::string::npos);
    }
}

TEST_CASE("a refused address of a name is named, with the target as it was asked for") {
    const auto permit = decide(request("plc.example"), defaults(), device());
    REQUIRE(permit.ok());
    const auto refused = permit->permits(*IpAddress::parse("192.0.2.7"), device());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().subject == "plc.example:22");
    CHECK(refused.error().detail ==
          "its address 192.0.2.7 is not on a directly connected network and no [[allow]] rule "
          "covers port 22 (add one to " +
              kPath + ")");
}

TEST_CASE("every refusal keeps its cure within the length of a reason") {
    const std::string longest = "64:ff9b::255.255.255.255";
    for (const char* rules : {"*", "plc.example;local-network", "192.0.2.7 1-2"}) {
        const auto permit = decide(request("plc.example"), owner(rules), device());
        if (!permit) continue;
        const auto refused = permit->permits(*IpAddress::parse(longest), device());
        REQUIRE_FALSE(refused.ok());
        CHECK(reason(refused.error()).find(kPath + ")") != std::string::npos);
    }
}

TEST_CASE("the permit of a literal address names its rule") {
    CHECK(decide(request("127.0.0.1"), defaults(), device())->rule() == "this-device (built in)");
    CHECK(decide(request("192.168.1.1"), defaults(), device())->rule() ==
          "local-network (built in)");
    CHECK(decide(request("192.0.2.7"), owner("10.0.0.0/8;192.0.2.0/24"), device())->rule() ==
          "allow host = \"192.0.2.0/24\" (line 2)");
}

TEST_CASE("the permit carries the request") {
    const auto permit = decide(request("192.168.1.1", 5900), defaults(), device());
    REQUIRE(permit.ok());
    CHECK(permit->request().target() == "192.168.1.1:5900");
    CHECK(permit->request().key.reveal() == "test-key");
}

TEST_CASE("switched off, nothing is allowed and the refusal names the file") {
    OwnerConfig config = owner("*");
    config.enabled = false;
    const auto permit = decide(request("127.0.0.1"), config, device());
    REQUIRE_FALSE(permit.ok());
    CHECK(permit.error().fault == Fault::kDisabled);
    CHECK(permit.error().subject == kPath);
}

struct NastyRow {
    const char* host;  // as the cloud writes it
    bool parsed;
    bool allowed;  // under the built-in rules, a literal
};

const NastyRow kNasty[] = {
    {"127.0.0.1", true, true},
    {"[::1]", true, true},
    {"::ffff:7f00:1", true, true},
    {"[::ffff:192.0.2.7]", true, false},
    {"0:0:0:0:0:ffff:a9fe:a9fe", true, false},
    {"0.0.0.0", true, false},
    {"[::]", true, false},
    {"FE80::1", true, false},
    {"[FD00:EC2::254]", true, false},
    {"2130706433", false, false},
    {"0177.0.0.1", false, false},
    {"0x7f.1", false, false},
    {"0x7f000001", false, false},
    {"127.1", false, false},
    {"127.0.0.1.", false, false},
    {"fe80::1%eth0", false, false},
    {"[fe80::1%25eth0]", false, false},
    {"0", false, false},
};

TEST_CASE("nasty forms of an address are not read, or decided as the address they are") {
    for (const NastyRow& row : kNasty) {
        CAPTURE(row.host);
        ParsedOperation parsed =
            parse_operation("530,device," + std::string(row.host) + ",22,test-key");
        CHECK(parsed.request.ok() == row.parsed);
        if (!parsed.request) continue;
        CHECK(decide(std::move(*parsed.request), defaults(), device()).ok() == row.allowed);
    }
}

}  // namespace
}  // namespace remote_access
