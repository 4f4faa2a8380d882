// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "operation/request.hpp"

namespace remote_access {
namespace {

const std::string kKey = "eb5e9d13-1caa-486b-bdda-130ca0d87df8";

struct Good {
    const char* payload;
    const char* target;
    std::string key = kKey;
};

const Good kGood[] = {
    {"530,device,127.0.0.1,22,eb5e9d13-1caa-486b-bdda-130ca0d87df8", "127.0.0.1:22"},
    {" \r\n\t530,d,plc.example,5900,eb5e9d13-1caa-486b-bdda-130ca0d87df8", "plc.example:5900"},
    {"530,d,h,1,k\n", "h:1", "k"},
    {"530,d,h,1,k\r\n", "h:1", "k"},
    {"530,d,h,65535,A.b_c-9\r\n\r\n", "h:65535", "A.b_c-9"},
    {"530 , d , h , 22 , k ", "h:22", "k"},
    {"530,,h,22,k", "h:22", "k"},
    {"530,d,::1,22,k", "[::1]:22", "k"},
    {"530,d,[fd00::1],22,k", "[fd00::1]:22", "k"},
    {"530,d,\"h\",\"22\",\"k\"", "h:22", "k"},
    {"\"530\",d,h,22,k", "h:22", "k"},
    {R"(530,"a \"b\", c",h,22,k)", "h:22", "k"},
    {R"(530,"a ""b"", c",h,22,k)", "h:22", "k"},
    {R"(530,"a "b" c",h,22,k)", "h:22", "k"},
    {"530,\"two\nlines\",h,22,k", "h:22", "k"},
    {"530,\"two\r\n530,x,wrong,1,wrong\",h,22,k", "h:22", "k"},
    {"530,\"\",h,22,k", "h:22", "k"},
    {"530,\"d\" ,h,22,k", "h:22", "k"},
    {"530,a\"b,h,22,k", "h:22", "k"},
    {"530,caf\xC3\xA9,h,22,k", "h:22", "k"},
    {"510,d\n530,d,first,22,k\n530,d,second,23,l", "first:22", "k"},
    {"528,\"x\n530,d,inner,1,no\",y\r\n\r\n530,d,outer,22,k", "outer:22", "k"},
    {"5300,d,h,1,k\n530,d,h,22,k", "h:22", "k"},
};

TEST_CASE("a SmartREST 530 becomes a request, however it is quoted and whatever stands around it") {
    for (const Good& row : kGood) {
        CAPTURE(row.payload);
        const ParsedOperation parsed = parse_operation(row.payload);
        REQUIRE(parsed.request.ok());
        CHECK(parsed.operation.by_name());
        CHECK(parsed.request->operation.by_name());
        CHECK(parsed.request->target() == row.target);
        CHECK(parsed.request->key.reveal() == row.key);
    }
}

struct Bad {
    std::string payload;
    const char* detail;
};

const Bad kBad[] = {
    {"", "the payload is empty"},
    {" \r\n\t", "the payload is empty"},
    {std::string("530,d,h,22,k\0", 13), "the payload has a NUL (byte 13)"},
    {"530,d\xFF,h,22,k", "the payload is not UTF-8 (byte 6)"},
    {"530,d,h,22,\xC3", "the payload is not UTF-8 (byte 12)"},
    {std::string(16 * 1024 + 1, 'x'), "the payload has 16385 bytes, more than 16384"},
    {"hello", "SmartREST: none of 1 record(s) is a 530 (remote access connect)"},
    {"510,d\n511,d,ls", "SmartREST: none of 2 record(s) is a 530 (remote access connect)"},
    {",,,,", "SmartREST: none of 1 record(s) is a 530 (remote access connect)"},
    {"530",
     "SmartREST record 1: 1 fields instead of 5 (530,<device>,<host>,<port>,<connection "
     "key>)"},
    {"530,d,h,SECRET",
     "SmartREST record 1: 4 fields instead of 5 (530,<device>,<host>,<port>,<connection key>)"},
    {"530,d,h,22,SECRET,",
     "SmartREST record 1: 6 fields instead of 5 (530,<device>,<host>,<port>,<connection key>)"},
    {"530,\"d,h,22,SECRET", "SmartREST record 1, field 2: the closing quote is missing"},
    {"530,d,h,22,\"SECRET", "SmartREST record 1, field 5: the closing quote is missing"},
    {"510,\"d\n530,d,h,22,SECRET", "SmartREST record 1, field 2: the closing quote is missing"},
    {"510,d\n530,d,h,70000,SECRET",
     "SmartREST record 2, field 4 (port): 70000 is not between 1 and 65535"},
    {"530,d,h,0,SECRET", "SmartREST record 1, field 4 (port): 0 is not between 1 and 65535"},
    {"530,d,h,-1,SECRET", "SmartREST record 1, field 4 (port): is not a number in decimal digits"},
    {"530,d,h,+22,SECRET", "SmartREST record 1, field 4 (port): is not a number in decimal digits"},
    {"530,d,h,0x16,SECRET",
     "SmartREST record 1, field 4 (port): is not a number in decimal digits"},
    {"530,d,h,\" 22\",SECRET",
     "SmartREST record 1, field 4 (port): is not a number in decimal digits"},
    {"530,d,h,,SECRET", "SmartREST record 1, field 4 (port): is empty"},
    {"530,d,h,9999999,SECRET",
     "SmartREST record 1, field 4 (port): has more digits than a number between 1 and 65535"},
    {"530,d,h,SECRET,22", "SmartREST record 1, field 4 (port): is not a number in decimal digits"},
    {"530,d,,22,SECRET", "SmartREST record 1, field 3 (host): is empty"},
    {"530,d,-SECRET,22,k",
     "SmartREST record 1, field 3 (host): has a label that begins or ends with a hyphen"},
    {"530,d,h,22,", "SmartREST record 1, field 5 (connection key): is empty"},
    {"530,d,h,22,SECRET/..",
     "SmartREST record 1, field 5 (connection key): has a character other than letters, digits, "
     "'.', '_' and '-'"},
    {"530,d,h,22,\"SECRET\n\"",
     "SmartREST record 1, field 5 (connection key): has a character other than letters, digits, "
     "'.', '_' and '-'"},
    {"530,d,h,22,..", "SmartREST record 1, field 5 (connection key): consists of dots only"},
    {"530,d,h,22," + std::string(129, 'k'),
     "SmartREST record 1, field 5 (connection key): is longer than 128 characters"},
    {"530,d,h,70000,k\n530,d,h,22,k",
     "SmartREST record 1, field 4 (port): 70000 is not between 1 and 65535"},
};

TEST_CASE("a bad SmartREST payload is refused with what is wrong and where, without the key") {
    for (const Bad& row : kBad) {
        CAPTURE(row.payload);
        const ParsedOperation parsed = parse_operation(row.payload);
        REQUIRE_FALSE(parsed.request.ok());
        CHECK(parsed.operation.by_name());
        CHECK(parsed.request.error().fault == Fault::kPayload);
        CHECK(parsed.request.error().detail == row.detail);
        CHECK(reason(parsed.request.error()).find("SECRET") == std::string::npos);
    }
}

TEST_CASE("a payload of just the limit is read") {
    std::string payload = "530,d,h,22,k\n";
    payload.resize(kPayloadLimit, ' ');
    CHECK(parse_operation(payload).request.ok());
}

TEST_CASE("a key may have 128 characters") {
    const auto parsed = parse_operation("530,d,h,22," + std::string(128, 'k'));
    REQUIRE(parsed.request.ok());
    CHECK(parsed.request->key.reveal().size() == 128);
}

}  // namespace
}  // namespace remote_access
