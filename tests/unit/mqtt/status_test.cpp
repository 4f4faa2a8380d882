// SPDX-License-Identifier: Apache-2.0
#include "mqtt/status.hpp"

#include <doctest/doctest.h>

using namespace remote_access;

TEST_CASE("an operation without an id is moved by name, one with an id by its id") {
    const OperationId by_name, by_id{"4711"};
    CHECK(executing_text(by_name) == "501,c8y_RemoteAccessConnect");
    CHECK(executing_text(by_id) == "504,4711");
    CHECK(final_text(by_name, {true, ""}) == "503,c8y_RemoteAccessConnect");
    CHECK(final_text(by_id, {true, ""}) == "506,4711");
    CHECK(final_text(by_name, {false, "no, thanks"}) ==
          "502,c8y_RemoteAccessConnect,\"no, thanks\"");
    CHECK(final_text(by_id, {false, "why"}) == "505,4711,\"why\"");
}

TEST_CASE("a quote inside a reason cannot end the field") {
    CHECK(final_text({"1"}, {false, "say \"no\",506,1"}) == "505,1,\"say 'no',506,1\"");
}

TEST_CASE("only a usable JWT is taken from the shared topic") {
    struct Row {
        const char* payload;
        const char* token;
    };
    const Row rows[] = {
        {"71,abc.DEF-1_2.x", "abc.DEF-1_2.x"},
        {"71,abc\r\n", "abc"},
        {"71,", nullptr},
        {"", nullptr},
        {"72,abc", nullptr},
        {"71,abc\r\nHost: evil", nullptr},
        {"71,a b", nullptr},
        {"hello", nullptr},
    };
    for (const Row& row : rows) {
        CAPTURE(row.payload);
        const auto token = read_token(row.payload);
        REQUIRE(token.has_value() == (row.token != nullptr));
        if (token) CHECK(token->reveal() == row.token);
    }
    CHECK_FALSE(read_token("71," + std::string(9000, 'a')).has_value());
}
