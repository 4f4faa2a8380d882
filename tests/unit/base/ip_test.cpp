// SPDX-License-Identifier: Apache-2.0
#include "base/ip.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <string>

namespace remote_access {
namespace {

struct AddressRow {
    std::string text;
    const char* canonical;  // "": refused
    bool v4;
};

const AddressRow kAddresses[] = {
    {"192.0.2.7", "192.0.2.7", true},
    {"0.0.0.0", "0.0.0.0", true},
    {"::", "::", false},
    {"::1", "::1", false},
    {"2001:DB8:0:0::1", "2001:db8::1", false},
    {"::ffff:192.0.2.7", "192.0.2.7", true},
    {"::ffff:c000:207", "192.0.2.7", true},
    {"0:0:0:0:0:FFFF:c000:0207", "192.0.2.7", true},
    {"::192.0.2.7", "::192.0.2.7", false},
    {"::ffff:0:192.0.2.7", "::ffff:0:c000:207", false},
    {"64:ff9b::192.0.2.7", "64:ff9b::c000:207", false},
    {"", "", false},
    {"192.0.2", "", false},
    {"192.0.2.256", "", false},
    {"192.0.2.07", "", false},
    {"0300.0.2.7", "", false},
    {"0xc0.0.2.7", "", false},
    {"3221225991", "", false},
    {" 192.0.2.7", "", false},
    {"192.0.2.7 ", "", false},
    {"192.0.2.7.", "", false},
    {std::string("192.0.2.7\0", 10), "", false},
    {std::string("192.0.2.7\0.evil", 15), "", false},
    {"[::1]", "", false},
    {"fe80::1%eth0", "", false},
    {"1::2::3", "", false},
    {"12345::", "", false},
    {"localhost", "", false},
};

TEST_CASE("an address is read in its strict forms only, IPv4-mapped IPv6 as IPv4") {
    for (const AddressRow& row : kAddresses) {
        CAPTURE(row.text);
        const auto address = IpAddress::parse(row.text);
        CHECK(address.has_value() == (*row.canonical != '\0'));
        if (!address) continue;
        CHECK(address->text() == row.canonical);
        CHECK(address->v4() == row.v4);
        CHECK(IpAddress::parse(address->text()) == address);
    }
}

TEST_CASE("a socket address of another family is no IP address") {
    sockaddr_un local{};
    local.sun_family = AF_UNIX;
    CHECK_FALSE(IpAddress::from(reinterpret_cast<const sockaddr&>(local)).has_value());
}

TEST_CASE("IPv4 and IPv6 addresses with the same bytes differ") {
    CHECK_FALSE(*IpAddress::parse("0.0.0.0") == *IpAddress::parse("::"));
    CHECK_FALSE(*IpAddress::parse("32.1.13.184") == *IpAddress::parse("2001:db8::"));
}

struct BlockRow {
    const char* text;
    const char* canonical;  // "": refused
};

const BlockRow kBlocks[] = {
    {"192.168.1.0/24", "192.168.1.0/24"},
    {"192.0.2.7", "192.0.2.7"},
    {"192.0.2.7/32", "192.0.2.7"},
    {"0.0.0.0/0", "0.0.0.0/0"},
    {"::/0", "::/0"},
    {"fd00::/8", "fd00::/8"},
    {"10.20.0.0/15", "10.20.0.0/15"},
    {"::1/128", "::1"},
    {"::ffff:192.0.2.0/120", "192.0.2.0/24"},
    {"::ffff:0:0/96", "0.0.0.0/0"},
    {"::ffff:192.0.2.7", "192.0.2.7"},
    {"::ffff:10.0.0.0/8", ""},
    {"192.168.1.1/24", ""},
    {"10.21.0.0/15", ""},
    {"fd00::1/8", ""},
    {"192.168.1.0/33", ""},
    {"::/129", ""},
    {"192.168.1.0/", ""},
    {"192.168.1.0/-1", ""},
    {"192.168.1.0/+24", ""},
    {"192.168.1.0/24x", ""},
    {"192.168.1.0/ 24", ""},
    {"192.168.1.0/24/24", ""},
    {"192.168.1.0/255.255.255.0", ""},
    {"192.168.1/24", ""},
    {"/24", ""},
    {"", ""},
    {"name", ""},
};

TEST_CASE("a block is read in CIDR form without host bits") {
    for (const BlockRow& row : kBlocks) {
        CAPTURE(row.text);
        const auto block = IpBlock::parse(row.text);
        CHECK(block.has_value() == (*row.canonical != '\0'));
        if (block) CHECK(block->text() == row.canonical);
    }
}

struct ContainsRow {
    const char* block;
    const char* inner;
    bool contained;
};

const ContainsRow kContains[] = {
    {"192.168.1.0/24", "192.168.1.255", true},
    {"192.168.1.0/24", "192.168.2.0", false},
    {"10.20.0.0/15", "10.21.255.255", true},
    {"10.20.0.0/15", "10.22.0.0", false},
    {"10.20.0.0/31", "10.20.0.1", true},
    {"10.20.0.0/31", "10.20.0.2", false},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"0.0.0.0/0", "::", false},
    {"::/0", "0.0.0.0", false},
    {"::/0", "ffff::", true},
    {"fe80::/10", "febf::1", true},
    {"fe80::/10", "fec0::1", false},
    {"64:ff9b::/96", "64:ff9b::1.2.3.4", true},
    {"64:ff9b::/96", "64:ff9b::1:0:0", false},
    {"192.168.0.0/16", "192.168.1.0/24", true},
    {"192.168.1.0/24", "192.168.0.0/16", false},
    {"192.168.1.0/24", "192.168.1.0/24", true},
    {"::/0", "10.0.0.0/8", false},
};

TEST_CASE("a block contains the addresses and blocks wholly inside it") {
    for (const ContainsRow& row : kContains) {
        CAPTURE(row.block);
        CAPTURE(row.inner);
        const IpBlock inner = *IpBlock::parse(row.inner);
        CHECK(IpBlock::parse(row.block)->contains(inner) == row.contained);
        if (const auto address = IpAddress::parse(row.inner))
            CHECK(IpBlock::parse(row.block)->contains(*address) == row.contained);
    }
}

TEST_CASE("the block around an address clears the host's bits") {
    CHECK(IpBlock::around(*IpAddress::parse("192.168.1.77"), 24).text() == "192.168.1.0/24");
    CHECK(IpBlock::around(*IpAddress::parse("192.168.1.77"), 0).text() == "0.0.0.0/0");
    CHECK(IpBlock::around(*IpAddress::parse("10.21.3.4"), 15).text() == "10.20.0.0/15");
    CHECK(IpBlock::around(*IpAddress::parse("2001:db8::1"), 33).text() == "2001:db8::/33");
}

}  // namespace
}  // namespace remote_access
