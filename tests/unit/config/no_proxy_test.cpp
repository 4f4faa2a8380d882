// SPDX-License-Identifier: Apache-2.0
#include "config/no_proxy.hpp"

#include <doctest/doctest.h>

namespace remote_access {
namespace {

struct Row {
    const char* list;
    HostPort host;
    bool direct;
};

const Row kRows[] = {
    {"", {"cloud.example", 443}, false},
    {" , ,", {"cloud.example", 443}, false},
    {"*", {"cloud.example", 443}, true},
    {"*", {"10.0.0.1", 443}, true},
    {"*:8443", {"cloud.example", 8443}, true},
    {"*:8443", {"cloud.example", 443}, false},
    {"cloud.example", {"cloud.example", 443}, true},
    {"CLOUD.Example.", {"cloud.example", 443}, true},
    {"cloud.example", {"Cloud.example.", 443}, true},
    {"cloud.example", {"t1.cloud.example", 443}, true},
    {"cloud.example", {"a.t1.cloud.example", 443}, true},
    {"cloud.example", {"mycloud.example", 443}, false},
    {"cloud.example", {"cloud.example.org", 443}, false},
    {"cloud.example", {"example", 443}, false},
    {".cloud.example", {"cloud.example", 443}, true},
    {".cloud.example", {"t1.cloud.example", 443}, true},
    {".cloud.example", {"mycloud.example", 443}, false},
    {"*.cloud.example", {"t1.cloud.example", 443}, true},
    {"*.cloud.example", {"a.t1.cloud.example", 443}, true},
    {"*.cloud.example", {"cloud.example", 443}, false},
    {"example", {"cloud.example", 443}, true},
    {"localhost", {"localhost", 443}, true},
    {"localhost", {"127.0.0.1", 443}, false},
    {"127.0.0.1", {"localhost", 443}, false},
    {"cloud.example:443", {"cloud.example", 443}, true},
    {"cloud.example:443", {"cloud.example", 8443}, false},
    {".cloud.example:443", {"t1.cloud.example", 443}, true},
    {"a.example,b.example", {"b.example", 443}, true},
    {"a.example, b.example", {"b.example", 443}, true},
    {"a.example\tb.example", {"b.example", 443}, true},
    {"a.example b.example", {"c.example", 443}, false},
    {"10.0.0.1", {"10.0.0.1", 443}, true},
    {"10.0.0.1", {"10.0.0.10", 443}, false},
    {"10.0.0.1:443", {"10.0.0.1", 443}, true},
    {"10.0.0.1:443", {"10.0.0.1", 444}, false},
    {"10.0.0.0/8", {"10.255.0.1", 443}, true},
    {"10.0.0.0/8", {"11.0.0.1", 443}, false},
    {"10.1.2.3/8", {"10.255.0.1", 443}, true},
    {"10.0.0.0/8:443", {"10.255.0.1", 443}, true},
    {"10.0.0.0/8:443", {"10.255.0.1", 444}, false},
    {"0.0.0.0/0", {"198.51.100.1", 443}, true},
    {"0.0.0.0/0", {"2001:db8::1", 443}, false},
    {"10.0.0.0/8", {"cloud.example", 443}, false},
    {"0.1", {"10.0.0.1", 443}, false},
    {"2001:db8::1", {"2001:db8::1", 443}, true},
    {"2001:DB8:0::1", {"2001:db8::1", 443}, true},
    {"[2001:db8::1]", {"2001:db8::1", 443}, true},
    {"[2001:db8::1]:443", {"2001:db8::1", 443}, true},
    {"[2001:db8::1]:443", {"2001:db8::1", 444}, false},
    {"2001:db8::/32", {"2001:db8:1::1", 443}, true},
    {"2001:db8::/32", {"2001:db9::1", 443}, false},
    {"[2001:db8::/32]:443", {"2001:db8::1", 443}, true},
    {"[2001:db8::]/32:443", {"2001:db8::1", 443}, true},
    {"[2001:db8::]/32:443", {"2001:db8::1", 444}, false},
    {"::ffff:10.0.0.1", {"10.0.0.1", 443}, true},
};

}  // namespace

TEST_CASE("no_proxy names hosts by name, suffix, address, block, star, and port") {
    for (const Row& row : kRows) {
        CAPTURE(row.list);
        CAPTURE(row.host.text());
        const NoProxy list(row.list);
        CHECK(list.names(row.host) == row.direct);
        CHECK(list.unreadable().empty());
    }
}

TEST_CASE("what cannot be read exempts nothing, is told, and leaves the others alone") {
    for (const char* bad :
         {"http://cloud.example", "cloud.example:", "cloud.example:0", "cloud.example:70000",
          "cloud.example:https", "cl*ud.example", "*cloud.example", "10.0.0.0/33", "10.0.0.0/",
          "10.0.0.0/x", "2001:db8::/129", "[2001:db8::1", "[2001:db8::1]x", "a..example", "..", ".",
          "*.", "**", "user@cloud.example"}) {
        CAPTURE(bad);
        const NoProxy list(std::string("a.example,") + bad + " b.example");
        REQUIRE(list.unreadable().size() == 1);
        CHECK(list.unreadable()[0] == bad);
        CHECK(list.names({"a.example", 443}));
        CHECK(list.names({"b.example", 443}));
        CHECK_FALSE(list.names({"cloud.example", 443}));
        CHECK_FALSE(list.names({"10.0.0.1", 443}));
        CHECK_FALSE(list.names({"2001:db8::1", 443}));
    }
}

}  // namespace remote_access
