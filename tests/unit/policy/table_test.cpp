// SPDX-License-Identifier: Apache-2.0
// The policy as one document: what the cloud asks for, the address it turns out to be, the owner's
// rules, and what decides. Every row goes the whole way: the operation's text is parsed, the rules
// are read as TOML, the request is decided and then each address just before it is connected.
//
// The device: eth0 192.168.1.10/24, eth1 10.20.0.1/16, a link 10.9.9.0/31, a tunnel 10.8.0.1 with
// the peer 10.8.0.2, the public address 203.0.113.5/32, 172.31.7.1/24 on a loopback interface,
// fd12:3456::10/64, and link-local addresses.
#include <doctest/doctest.h>

#include "config/allow.hpp"
#include "config/toml.hpp"
#include "network.hpp"

namespace remote_access {
namespace {

using namespace policy_test;

struct Row {
    const char* host;      // as the cloud writes it
    const char* resolved;  // what it resolves to; "": it is an address itself, or never looked up
    int port;
    const char* rules;    // "host ports…", separated by ';'; "": the owner has none
    const char* verdict;  // the text of the rule that allows it, or "no: " and why, or "unread: "
};

const char* const kSpecial = "no: only an [[allow]] rule that names it";

const Row kTable[] = {
#include "table_rows.inc"
};

/// The rules as the settings file holds them.
Result<OwnerConfig> owner_of(const std::string& rules) {
    if (rules.empty()) return defaults();
    OwnerConfig config;
    config.path = kPath;
    std::istringstream list(rules);
    for (std::string entry; std::getline(list, entry, ';');) {
        std::istringstream words(entry);
        std::string host, ports;
        words >> host;
        for (std::string port; words >> port;)
            ports += (port.find('-') == std::string::npos ? port : '"' + port + '"') + ",";
        const auto table = parse_toml("host = '" + host + "'\n" +
                                      (ports.empty() ? "" : "ports = [" + ports + "]\n"));
        if (!table) return table.error();
        auto rule = read_allow_rule(*table, kPath);
        if (!rule) return rule.error();
        config.allow.push_back(std::move(*rule));
    }
    return config;
}

/// The text of the rule that decides, "no: why" or "unread: why".
std::string verdict_of(const Row& row) {
    const auto config = owner_of(row.rules);
    REQUIRE(config.ok());
    ParsedOperation parsed = parse_operation("530,device," + std::string(row.host) + "," +
                                             std::to_string(row.port) + ",test-key");
    if (!parsed.request) return "unread: " + parsed.request.error().detail;
    const auto literal = IpAddress::parse(parsed.request->host);
    const IpAddress address = literal ? *literal : *IpAddress::parse(row.resolved);
    const Verdict verdict = judge(*parsed.request, *config, address, device());
    const auto permit = decide(std::move(*parsed.request), *config, device());
    const bool admitted = permit && permit->permits(address, device()).ok();
    CHECK(admitted == verdict.rule.has_value());
    if (!permit) return "no: " + permit.error().detail;
    return verdict.rule ? verdict.rule->text : "no: " + verdict.why;
}

bool is_as_expected(const std::string& found, const std::string& expected) {
    const std::size_t colon = expected.find(": ");
    if (colon == std::string::npos) return found == expected;
    return found.compare(0, colon, expected, 0, colon) == 0 &&
           found.find(expected.substr(colon + 2)) != std::string::npos;
}

TEST_CASE("what is asked for, what it resolves to and the owner's rules decide as the table says") {
    static_assert(sizeof kTable / sizeof *kTable >= 100, "a table of at least 100 rows");
    for (const Row& row : kTable) {
        const std::string found = verdict_of(row);
        INFO(std::string(row.host) << " -> " << std::string(row.resolved) << " port " << row.port
                                   << " by " << std::string(row.rules) << ": expected "
                                   << std::string(row.verdict) << ", found " << found);
        CHECK(is_as_expected(found, row.verdict));
    }
}

TEST_CASE("a host with a NUL or a line break in it is not read, also where JSON can write them") {
    for (const char* host : {"127.0.0.1\\u0000.evil", "\\u0000", "plc\\nexample",
                             "plc\\r\\nexample", "127.0.0.1\\u000a", "\\u0031\\u0032\\u0037.1"}) {
        CAPTURE(std::string(host));
        const ParsedOperation parsed = parse_operation(
            "{\"id\":\"1\",\"externalSource\":{\"externalId\":\"device\"},"
            "\"c8y_RemoteAccessConnect\":{\"hostname\":\"" +
            std::string(host) + "\",\"port\":22,\"connectionKey\":\"k\"}}");
        REQUIRE_FALSE(parsed.request.ok());
        CHECK(parsed.request.error().detail.find("host") != std::string::npos);
    }
}

TEST_CASE("a rule whose host is no name, address or network is an error and never a guess") {
    for (const char* host : {"", "127.1", "0177.0.0.1", "2130706433", "0x7f000001",
                             "192.168.1.10/24", "192.168.1.0/33", "fe80::1%eth0", "a b",
                             "b\\u00fccher.example", "*.example", "http://plc", "plc:22", "a..b",
                             "[plc]", "10.0.0.0-10.0.0.9", "10.0.0.*", "this_device/24"}) {
        CAPTURE(std::string(host));
        const auto table = parse_toml("host = \"" + std::string(host) + "\"\n");
        REQUIRE(table.ok());
        const auto rule = read_allow_rule(*table, kPath);
        CHECK_FALSE(rule.ok());
    }
}

}  // namespace
}  // namespace remote_access
