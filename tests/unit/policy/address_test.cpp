// SPDX-License-Identifier: Apache-2.0
// Which address which rule reaches. Every row is asked as a literal and, where nothing else is
// said, as what a name resolved to under the same rules.
#include <doctest/doctest.h>

#include "network.hpp"

namespace remote_access {
namespace {

using namespace policy_test;

struct Row {
    const char* address;
    const char* rules;
    bool allowed;
};

const Row kByDefault[] = {
    {"127.0.0.1", "", true},
    {"127.0.0.53", "", true},
    {"127.255.255.255", "", true},
    {"::1", "", true},
    {"::ffff:127.0.0.1", "", true},
    {"192.168.1.10", "", true},
    {"10.20.0.1", "", true},
    {"2001:db8::10", "", true},
    {"10.9.9.0", "", true},
    {"10.9.9.1", "", true},
    {"192.168.1.1", "", true},
    {"192.168.1.0", "", true},
    {"192.168.1.254", "", true},
    {"10.20.255.254", "", true},
    {"fd12:3456::99", "", true},
    {"::ffff:192.168.1.1", "", true},
    {"192.168.2.1", "", false},
    {"10.21.0.1", "", false},
    {"192.0.2.7", "", false},
    {"8.8.8.8", "", false},
    {"128.0.0.1", "", false},
    {"126.255.255.255", "", false},
    {"fd12:3457::99", "", false},
    {"2001:db8::11", "", false},
    {"::2", "", false},
    {"192.168.1.255", "", false},
    {"10.20.255.255", "", false},
    {"255.255.255.255", "", false},
    {"0.0.0.0", "", false},
    {"0.0.0.1", "", false},
    {"0.127.0.1", "", false},
    {"::", "", false},
    {"169.254.169.254", "", false},
    {"169.254.7.7", "", false},
    {"169.254.1.1", "", false},
    {"::ffff:169.254.169.254", "", false},
    {"::ffff:0.0.0.0", "", false},
    {"::ffff:0:0", "", false},
    {"fd00:ec2::254", "", false},
    {"fe80::1", "", false},
    {"fe80::10", "", false},
    {"febf::1", "", false},
    {"224.0.0.1", "", false},
    {"239.255.255.250", "", false},
    {"ff02::1", "", false},
    {"::127.0.0.1", "", false},
    {"64:ff9b::127.0.0.1", "", false},
    {"64:ff9b::169.254.169.254", "", false},
    {"64:ff9b::192.168.1.1", "", false},
    {"2002:7f00:1::", "", false},
    {"2002:a9fe:a9fe::1", "", false},
};

const Row kByRule[] = {
    // "*": everything but the special ranges.
    {"127.0.0.1", "*", true},
    {"192.0.2.7", "*", true},
    {"2001:db8:1::1", "*", true},
    {"64:ff9b::192.0.2.7", "*", true},
    {"2002:c000:207::1", "*", true},
    {"240.0.0.1", "*", true},
    {"169.254.169.254", "*", false},
    {"169.254.1.1", "*", false},
    {"fe80::1", "*", false},
    {"fd00:ec2::254", "*", false},
    {"fd00:ec2::253", "*", true},
    {"224.0.0.1", "*", false},
    {"ff0e::1", "*", false},
    {"255.255.255.255", "*", false},
    {"192.168.1.255", "*", false},
    {"192.168.2.255", "*", true},
    {"0.0.0.0", "*", false},
    {"::", "*", false},
    {"::127.0.0.1", "*", false},
    {"::192.0.2.7", "*", true},
    {"64:ff9b::127.0.0.1", "*", false},
    {"64:ff9b::0.0.0.0", "*", false},
    {"64:ff9b::169.254.169.254", "*", false},
    {"64:ff9b::192.168.1.255", "*", false},
    {"2002:7f00:1::", "*", false},
    {"2002:e000:1::", "*", false},
    // Blocks, and wider blocks around special ranges.
    {"192.0.2.7", "192.0.2.7", true},
    {"192.0.2.8", "192.0.2.7", false},
    {"::ffff:192.0.2.7", "192.0.2.7", true},
    {"192.0.2.7", "::ffff:192.0.2.7", true},
    {"192.0.2.7", "::ffff:192.0.2.0/120", true},
    {"192.0.3.7", "::ffff:192.0.2.0/120", false},
    {"192.0.2.7", "192.0.2.0/24", true},
    {"192.0.3.0", "192.0.2.0/24", false},
    {"192.0.2.7", "0.0.0.0/0", true},
    {"192.0.2.7", "::/0", false},
    {"2001:db8::1", "::/0", true},
    {"2001:db8::1", "0.0.0.0/0", false},
    {"2001:db8:0:1::1", "2001:db8::/64", false},
    {"127.0.0.1", "0.0.0.0/0", true},
    {"0.0.0.0", "0.0.0.0/0", false},
    {"169.254.169.254", "0.0.0.0/0", false},
    {"169.254.169.254", "169.0.0.0/8", false},
    {"::", "::/0", false},
    {"fe80::1", "::/0", false},
    {"fe80::1", "fe00::/7", false},
    {"224.0.0.1", "128.0.0.0/1", false},
    {"255.255.255.255", "240.0.0.0/4", false},
    {"192.168.1.255", "192.168.1.0/24", false},
    {"64:ff9b::127.0.0.1", "64::/16", false},
    {"::127.0.0.1", "::/0", false},
    // Rules that name a special range.
    {"169.254.1.1", "169.254.0.0/16", true},
    {"169.254.1.1", "169.254.1.0/24", true},
    {"169.254.1.1", "169.254.1.1", true},
    {"169.254.169.254", "169.254.0.0/16", false},
    {"169.254.169.254", "169.254.169.254", true},
    {"::ffff:169.254.169.254", "169.254.169.254", true},
    {"fd00:ec2::254", "fd00::/8", false},
    {"fd00:ec2::254", "fd00:ec2::254", true},
    {"fe80::1", "fe80::/10", true},
    {"fe80::1", "fe80::/64", true},
    {"fe80::1", "fe80::2", false},
    {"224.0.0.1", "224.0.0.0/4", true},
    {"ff02::1", "ff02::/16", true},
    {"255.255.255.255", "255.255.255.255", true},
    {"192.168.1.255", "192.168.1.255", true},
    {"192.168.1.255", "192.168.1.254/31", false},
    {"0.0.0.0", "0.0.0.0", true},
    {"0.0.0.0", "0.0.0.0/8", true},
    {"0.0.0.1", "0.0.0.0", false},
    {"::", "::", true},
    {"::", "0.0.0.0", false},
    {"64:ff9b::127.0.0.1", "64:ff9b::/96", true},
    {"64:ff9b::127.0.0.1", "127.0.0.1", false},
    {"64:ff9b::127.0.0.1", "64:ff9b::127.0.0.1", true},
    {"2002:7f00:1::", "2002::/16", true},
    {"::127.0.0.1", "::/96", true},
    {"::1", "::/96", true},
    // The two words.
    {"127.0.0.1", "local-network", false},
    {"192.168.1.10", "local-network", false},
    {"192.168.1.9", "this-device", false},
    {"fe80::10", "this-device", false},
    {"fe80::99", "local-network", false},
    {"169.254.7.7", "this-device", false},
    {"2001:db8::10", "local-network", false},
    {"127.0.0.1", "192.168.1.0/24", false},
};

bool literal_allowed(const Row& row, const OwnerConfig& config) {
    const std::string host =
        IpAddress::parse(row.address)->text();  // as the operation station does
    return decide(request(host), config, device()).ok();
}

bool resolved_allowed(const Row& row, const OwnerConfig& config) {
    const auto permit = decide(request("plc.example"), config, device());
    REQUIRE(permit.ok());
    return permit->permits(*IpAddress::parse(row.address), device()).ok();
}

TEST_CASE("without rules of the owner, this device and directly connected networks are reached") {
    for (const Row& row : kByDefault) {
        CAPTURE(row.address);
        CHECK(literal_allowed(row, defaults()) == row.allowed);
        CHECK(resolved_allowed(row, defaults()) == row.allowed);
    }
}

TEST_CASE("an address is reached by a rule that covers it, a special one only if it is named") {
    for (const Row& row : kByRule) {
        CAPTURE(row.address);
        CAPTURE(row.rules);
        CHECK(literal_allowed(row, owner(row.rules)) == row.allowed);
        CHECK(resolved_allowed(row, owner(row.rules)) == row.allowed);
    }
}

TEST_CASE("loopback is no directly connected network, even if an interface says so") {
    NetworkView network;
    network.attached.push_back(*IpBlock::parse("127.0.0.0/8"));
    CHECK_FALSE(decide(request("127.0.0.1"), owner("local-network"), network).ok());
}

}  // namespace
}  // namespace remote_access
