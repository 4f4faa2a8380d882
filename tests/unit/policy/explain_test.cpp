// SPDX-License-Identifier: Apache-2.0
// `policy show` and `policy test` as text and JSON.
#include "policy/explain.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "network.hpp"
#include "policy/special.hpp"

namespace remote_access {
namespace {

using namespace policy_test;

PolicyState state_of(const OwnerConfig& owner, bool exists = true) {
    return {owner, exists, device()};
}

TargetAnswer ask(const std::string& host, int port, std::initializer_list<const char*> addresses,
                 const PolicyState& state) {
    std::vector<IpAddress> parsed;
    for (const char* address : addresses) parsed.push_back(*IpAddress::parse(address));
    return answer_for(request(host, port), parsed, parsed.empty() ? "unknown name" : "", state);
}

bool says(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_CASE("without a settings file the built-in rules are shown, and what they mean here") {
    const std::string text = policy_text(state_of(defaults(), false));
    CHECK(says(text, "settings       " + kPath + " (not there: defaults)"));
    CHECK(says(text, "remote access  enabled\n"));
    CHECK(says(text, "approval       not asked for\n"));
    CHECK(says(text, "this-device    every port  (built in)\n"));
    CHECK(says(text, "local-network  every port  (built in)\n"));
    // Link-local ones of the interfaces are not reached by the two words.
    CHECK(says(text,
               "this-device    127.0.0.0/8, ::1, 172.31.7.0/24, 192.168.1.10, 10.20.0.1, 10.9.9.0, "
               "10.8.0.1, 203.0.113.5, fd12:3456::10, 2001:db8::10\n"));
    CHECK(says(text,
               "local-network  192.168.1.0/24, 10.20.0.0/16, 10.9.9.0/31, 203.0.113.5, "
               "fd12:3456::/64, without"));
    CHECK(says(text, "169.254.169.254  a metadata address"));
    CHECK(says(text, "192.168.1.255    the broadcast address of 192.168.1.0/24"));
}

TEST_CASE("each rule is shown with its ports and its line") {
    OwnerConfig config = owner("plc.example 22;192.0.2.0/24 22 5900-5910;*");
    config.enabled = false;
    config.approve = "/usr/bin/ask them";
    const std::string text = policy_text(state_of(config));
    CHECK(says(text, "settings       " + kPath + "\n"));
    CHECK(says(text, "switched off (enabled = false)"));
    CHECK(says(text, "for at most 30 s: /usr/bin/ask them\n"));
    CHECK(says(text, "plc.example   port 22  (" + kPath + ":1)\n"));
    CHECK(says(text, "192.0.2.0/24  ports 22, 5900-5910  (" + kPath + ":2)\n"));
    CHECK(says(text, "*             every port  (" + kPath + ":3)\n"));
}

TEST_CASE("every special range that is shown is one, and each that decides is shown") {
    const std::vector<SpecialRange> ranges = special_ranges(device());
    for (const SpecialRange& range : ranges) {
        CAPTURE(range.block.text());
        const bool embedding = range.what.find("IPv6 form") != std::string::npos;
        CHECK((embedding || special_range(range.block.network, device()).has_value()));
    }
    for (const char* address : {"169.254.169.254", "169.254.9.9", "10.20.255.255",
                                "::", "64:ff9b::127.0.0.1", "2002:7f00:1::", "ff02::1"}) {
        CAPTURE(std::string(address));
        const auto found = special_range(*IpAddress::parse(address), device());
        REQUIRE(found.has_value());
        CHECK(std::any_of(ranges.begin(), ranges.end(), [&found](const SpecialRange& range) {
            return range.block.text() == found->block.text();
        }));
    }
}

TEST_CASE("each address is answered with the rule that allows it or why none does") {
    const PolicyState state = state_of(owner("plc.example 22;192.0.2.0/24"));
    const TargetAnswer answer =
        ask("plc.example", 22, {"198.51.100.7", "127.0.0.1", "169.254.169.254"}, state);
    CHECK(answer.allowed(state.owner));
    const std::string text = answer_text(answer, state);
    CHECK(text.find("plc.example:22\n") == 0);
    CHECK(says(text, "198.51.100.7     allowed by plc.example, port 22  (" + kPath + ":1)\n"));
    CHECK(says(text, "127.0.0.1        refused: its address 127.0.0.1 is this device itself"));
    CHECK(says(text, "169.254.169.254  refused: its address 169.254.169.254 is a metadata"));
    CHECK(says(text, "\nallowed: "));
}

TEST_CASE("a refusal names the nearest rule") {
    const PolicyState state = state_of(owner("192.0.2.8;192.0.2.0/24 22"));
    const TargetAnswer answer = ask("192.0.2.7", 23, {"192.0.2.7"}, state);
    CHECK_FALSE(answer.allowed(state.owner));
    const std::string text = answer_text(answer, state);
    CHECK(says(text, "not on port 23 (change ports of the rule in line 2 in " + kPath + ")\n"));
    CHECK(text.substr(text.size() - 9) == "\nrefused\n");
}

TEST_CASE("a name without an address is refused, and says why") {
    const PolicyState state = state_of(defaults());
    const TargetAnswer answer = ask("plc.example", 22, {}, state);
    CHECK_FALSE(answer.allowed(state.owner));
    CHECK(says(answer_text(answer, state), "no address: unknown name\nrefused\n"));
    CHECK(answer_json(answer, state).text_at("unresolved") == "unknown name");
}

TEST_CASE("the off switch comes before the rules and the approve command after them") {
    OwnerConfig config = owner("*");
    config.approve = "/usr/bin/ask";
    const auto on = state_of(config);
    CHECK(says(answer_text(ask("192.0.2.7", 22, {"192.0.2.7"}, on), on),
               "the approve command is asked, which this did not: /usr/bin/ask\n"));
    config.enabled = false;
    const auto off = state_of(config);
    const TargetAnswer answer = ask("192.0.2.7", 22, {"192.0.2.7"}, off);
    CHECK_FALSE(answer.allowed(off.owner));
    const std::string text = answer_text(answer, off);
    CHECK(says(text, "refused: remote access is switched off (enabled = false in " + kPath));
    CHECK_FALSE(says(text, "/usr/bin/ask"));
    CHECK_FALSE(answer_json(answer, off).flag_at("allowed"));
}

TEST_CASE("the JSON says the same for programs") {
    const PolicyState state = state_of(owner("plc.example 22 5900-5910;local-network"));
    const json::Value policy = policy_json(state);
    CHECK(policy.text_at("settings") == kPath);
    CHECK(policy.flag_at("enabled"));
    CHECK(policy.flag_at("exists"));
    const json::Value& rule = policy.find("rules")->array()->front();
    CHECK(rule.text_at("host") == "plc.example");
    CHECK(rule.integer_at("line") == 1);
    CHECK(json::write(*rule.find("ports")) == "[[22,22],[5900,5910]]");
    CHECK(policy.find("special")->array()->size() == special_ranges(device()).size());
    const json::Value answer =
        answer_json(ask("plc.example", 22, {"192.168.1.77", "::1"}, state), state);
    CHECK(answer.flag_at("allowed"));
    const json::Array& addresses = *answer.find("addresses")->array();
    CHECK(addresses[0].flag_at("allowed"));
    CHECK(addresses[0].find("rule")->text_at("host") == "plc.example");
    CHECK(addresses[0].find("rule")->text_at("file") == kPath);
    CHECK_FALSE(addresses[1].flag_at("allowed"));
    CHECK(says(std::string(addresses[1].text_at("why")), "this device itself"));
    CHECK(json::parse(json::write(answer)).ok());
}

}  // namespace
}  // namespace remote_access
