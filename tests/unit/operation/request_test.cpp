// SPDX-License-Identifier: Apache-2.0
// The checks of single values, through make_request().
#include <doctest/doctest.h>

#include <string>

#include "operation/request.hpp"

namespace remote_access {
namespace {

std::string labels(std::size_t count, std::size_t length) {
    std::string name;
    for (std::size_t i = 0; i < count; ++i)
        name += (i == 0 ? "" : ".") + std::string(length, static_cast<char>('a' + i));
    return name;
}

struct HostRow {
    std::string text;
    std::string host;   // as accepted; empty: refused
    const char* fault;  // a part of the refusal
};

constexpr const char* kNumeric = "neither a name nor an IPv4 address in its plain form";

const HostRow kHosts[] = {
    {"localhost", "localhost", ""},
    {"LocalHost.", "localhost", ""},
    {"PLC-7.Example.COM", "plc-7.example.com", ""},
    {"my_host", "my_host", ""},
    {"_sip._tcp.example", "_sip._tcp.example", ""},
    {"1and1.example", "1and1.example", ""},
    {"10.example", "10.example", ""},
    {"0xcafe.example", "0xcafe.example", ""},
    {"0xcafg", "0xcafg", ""},
    {"host1", "host1", ""},
    {"xn--mnchen-3ya.example", "xn--mnchen-3ya.example", ""},
    {labels(1, 63), labels(1, 63), ""},
    {labels(4, 62) + ".a", labels(4, 62) + ".a", ""},
    {labels(3, 63) + "." + std::string(61, 'z'), labels(3, 63) + "." + std::string(61, 'z'), ""},
    {labels(3, 63) + "." + std::string(61, 'z') + ".", labels(3, 63) + "." + std::string(61, 'z'),
     ""},
    {"192.0.2.7", "192.0.2.7", ""},
    {"255.255.255.255", "255.255.255.255", ""},
    {"::1", "::1", ""},
    {"[::1]", "::1", ""},
    {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", ""},
    {"::ffff:127.0.0.1", "127.0.0.1", ""},
    {"[::ffff:7f00:1]", "127.0.0.1", ""},
    {"::127.0.0.1", "::127.0.0.1", ""},
    {"64:ff9b::127.0.0.1", "64:ff9b::7f00:1", ""},
    {"", "", "is empty"},
    {".", "", "is only a dot"},
    {"..", "", "empty label"},
    {"a..b", "", "empty label"},
    {"a..", "", "empty label"},
    {".a", "", "empty label"},
    {labels(1, 64), "", "label of more than 63"},
    {labels(3, 63) + "." + std::string(62, 'z'), "", "longer than 253"},
    {"-a", "", "hyphen"},
    {"a-.b", "", "hyphen"},
    {"a b", "", "a character that no host name has"},
    {"a/b", "", "a character that no host name has"},
    {"user@host", "", "a character that no host name has"},
    {"host%eth0", "", "a character that no host name has"},
    {"host\n", "", "a character that no host name has"},
    {std::string("a\0b", 3), "", "a character that no host name has"},
    {"m\xC3\xBCnchen.example", "", "xn-- form"},
    {"\xEF\xBC\x91\xEF\xBC\x92\xEF\xBC\x97.1", "", "xn-- form"},
    {"fe80::1%eth0", "", "zone id"},
    {"[fe80::1%25eth0]", "", "zone id"},
    {"host:22", "", "not an IPv6 address"},
    {"192.0.2.7:22", "", "not an IPv6 address"},
    {"1::2::3", "", "not an IPv6 address"},
    {"[::1", "", "only one bracket"},
    {"::1]", "", "only one bracket"},
    {"[", "", "only one bracket"},
    {"[]", "", "not around an IPv6 address"},
    {"[host]", "", "not around an IPv6 address"},
    {"[192.0.2.7]", "", "not around an IPv6 address"},
    {"2130706433", "", kNumeric},
    {"0177.0.0.1", "", kNumeric},
    {"127.0.0.01", "", kNumeric},
    {"127.1", "", kNumeric},
    {"127.0.1", "", kNumeric},
    {"1.2.3.4.5", "", kNumeric},
    {"256.0.0.1", "", kNumeric},
    {"127.0.0.1.", "", kNumeric},
    {"0", "", kNumeric},
    {"0x7f.1", "", kNumeric},
    {"0X7F000001", "", kNumeric},
    {"127.0.0.0x1", "", kNumeric},
    {"0x", "", kNumeric},
    {"host.0x1", "", kNumeric},
    {"host.1", "", kNumeric},
};

TEST_CASE("a host is a name or a literal address, and has one form afterwards") {
    for (const HostRow& row : kHosts) {
        CAPTURE(row.text);
        const auto request = make_request({}, row.text, 22, Secret("k"));
        CHECK(request.ok() == !row.host.empty());
        if (request) {
            CHECK(request->host == row.host);
        } else {
            CHECK(request.error().detail.find("host: ") == 0);
            CHECK(request.error().detail.find(row.fault) != std::string::npos);
        }
    }
}

TEST_CASE("what make_request accepts it accepts again, unchanged") {
    for (const HostRow& row : kHosts) {
        if (row.host.empty()) continue;
        CAPTURE(row.host);
        const auto again = make_request({}, row.host, 22, Secret("k"));
        REQUIRE(again.ok());
        CHECK(again->host == row.host);
    }
}

TEST_CASE("values from another process are checked like those of a payload") {
    CHECK(make_request({"123"}, "h", 65535, Secret("k")).ok());
    CHECK(make_request({"12,3"}, "h", 22, Secret("k")).error().detail ==
          "operation id: is not a number in decimal digits");
    CHECK(make_request({std::string(33, '1')}, "h", 22, Secret("k")).error().detail ==
          "operation id: is not a number in decimal digits");
    CHECK(make_request({}, "h", 0, Secret("k")).error().detail ==
          "port: 0 is not between 1 and 65535");
    CHECK(make_request({}, "h", 65536, Secret("k")).error().detail ==
          "port: 65536 is not between 1 and 65535");
    CHECK(make_request({}, "h", 22, Secret()).error().detail == "key: is empty");
    CHECK(make_request({}, "h", 22, Secret(".")).error().detail == "key: consists of dots only");
}

}  // namespace
}  // namespace remote_access
