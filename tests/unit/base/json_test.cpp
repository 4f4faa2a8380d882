// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>

namespace remote_access::json {
namespace {

std::string repeat(const std::string& text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
}

const std::string kSame[] = {
    "null",
    "true",
    "0",
    "-1",
    "4294967296",
    "9223372036854775807",
    "-9223372036854775808",
    "1.5",
    "\"\"",
    R"("a\"b\\c\n\u0000d")",
    "\"caf\xC3\xA9 \xF0\x9F\x98\x80\"",
    "[]",
    "{}",
    R"({"a":[1,{"b":null},"c"],"d":false})",
    repeat("[", 32) + repeat("]", 32),
};

TEST_CASE("what is read is written again the same") {
    for (const std::string& text : kSame) {
        CAPTURE(text);
        const Result<Value> value = parse(text);
        REQUIRE(value.ok());
        CHECK(write(*value) == text);
    }
}

const std::string kBad[] = {
    "",
    " ",
    "nul",
    "{",
    "}",
    "[1,]",
    "{\"a\":1,}",
    "{a:1}",
    "{'a':1}",
    "1 2",
    "{} {}",
    "// x\n1",
    "01",
    "NaN",
    "Infinity",
    "1e999",
    "\"a",
    "\"\n\"",
    "\"\\x\"",
    "\"\\ud800\"",
    "\"\xFF\"",
    "\"\xC0\x80\"",
    "\"\xED\xA0\x80\"",
    "\"\xC3",
    std::string("{}\0", 3),
    std::string("{}\0{", 4),
    std::string("\"a\0b\"", 5),
    R"({"a":1,"a":2})",
    R"({"a":{"b":1,"b":2}})",
    R"({"a":1,"\u0061":2})",
    repeat("[", 33) + repeat("]", 33),
    repeat("{\"a\":", 33) + "1" + repeat("}", 33),
    repeat("[", 1'000'000),
};

TEST_CASE("anything that is not exactly one strict JSON text is refused without quoting it") {
    for (const std::string& text : kBad) {
        CAPTURE(text.substr(0, 80));
        const Result<Value> value = parse(text);
        REQUIRE_FALSE(value.ok());
        CHECK(value.error().fault == Fault::kPayload);
        CHECK(value.error().detail.find("JSON: ") == 0);
    }
    CHECK(parse(R"({"key":"SECRET)").error().detail.find("SECRET") == std::string::npos);
}

TEST_CASE("whole numbers stay whole over all of their range") {
    CHECK(*parse("4294967296")->integer() == 4294967296);
    CHECK(*parse("9223372036854775807")->integer() == std::numeric_limits<std::int64_t>::max());
    CHECK(parse("9223372036854775808")->integer() == nullptr);
    CHECK(*parse("9223372036854775808")->number() == doctest::Approx(9.223372036854775808e18));
}

TEST_CASE("members are found by name and type") {
    Value value = *parse(R"({"text":"t","number":7,"flag":true,"none":null})");
    CHECK(value.text_at("text") == "t");
    CHECK(value.integer_at("number") == 7);
    CHECK(value.flag_at("flag"));
    CHECK(value.text_at("number").empty());
    CHECK(value.integer_at("text") == 0);
    CHECK_FALSE(value.flag_at("text"));
    CHECK(value.find("none")->is_null());
    CHECK(value.find("absent") == nullptr);
    CHECK(Value(3).find("text") == nullptr);
    value.find("text")->text()->assign("other");
    CHECK(value.text_at("text") == "other");
}

TEST_CASE("whatever is written can be read") {
    CHECK(write(Value("caf\xE9 \xFF!")) == "\"caf? ?!\"");
    CHECK(parse(write(Value("\xC3"))).ok());
    CHECK(parse(write(Value(std::numeric_limits<double>::quiet_NaN()))).ok());
    CHECK(parse(write(Value(std::numeric_limits<double>::infinity()))).ok());
    CHECK(*parse(write(Value(std::string("a\0b", 3))))->text() == std::string("a\0b", 3));
}

}  // namespace
}  // namespace remote_access::json
