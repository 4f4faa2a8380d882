// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include <doctest/doctest.h>

#include <string>

namespace remote_access {
namespace {

struct Row {
    const char* text;
    std::int64_t milliseconds;  // -1: refused
    const char* shortest;
};

const Row kRows[] = {
    {"0s", 0, "0s"},
    {"0ms", 0, "0s"},
    {"250ms", 250, "250ms"},
    {"20s", 20'000, "20s"},
    {"5m", 300'000, "5m"},
    {"24h", 86'400'000, "1d"},
    {"7d", 604'800'000, "7d"},
    {"1h30m", 5'400'000, "1h30m"},
    {"90m", 5'400'000, "1h30m"},
    {"1d2h3m4s5ms", 93'784'005, "1d2h3m4s5ms"},
    {"1m1ms", 60'001, "1m1ms"},
    {"007s", 7'000, "7s"},
    {"3650d", 315'360'000'000, "3650d"},
    {"3651d", -1, ""},
    {"3650d1ms", -1, ""},
    {"99999999999999999999s", -1, ""},
    {"9223372036854775807d", -1, ""},
    {"", -1, ""},
    {"20", -1, ""},
    {"s", -1, ""},
    {"-1s", -1, ""},
    {"+1s", -1, ""},
    {"1h-1s", -1, ""},
    {"1.5s", -1, ""},
    {"1 s", -1, ""},
    {" 1s", -1, ""},
    {"1s ", -1, ""},
    {"1S", -1, ""},
    {"1w", -1, ""},
    {"1mss", -1, ""},
};

TEST_CASE("a duration is read exactly or not at all, and written in its shortest form") {
    for (const Row& row : kRows) {
        CAPTURE(row.text);
        const auto duration = parse_duration(row.text);
        CHECK(duration.has_value() == (row.milliseconds >= 0));
        if (!duration) continue;
        CHECK(duration->count() == row.milliseconds);
        CHECK(format_duration(*duration) == row.shortest);
        CHECK(parse_duration(format_duration(*duration)) == duration);
    }
    CHECK(format_duration(Milliseconds(-5)) == "0s");
}

TEST_CASE("a deadline counts down to zero and not below") {
    const Deadline past(Clock::now() - Milliseconds(5));
    CHECK(past.over());
    CHECK(past.left() == Milliseconds(0));
    const Deadline later = Deadline::in(Milliseconds(60'000));
    CHECK_FALSE(later.over());
    CHECK(later.left() > Milliseconds(0));
    CHECK(later.left() <= Milliseconds(60'000));
}

TEST_CASE("time is written as ISO 8601 in UTC with milliseconds") {
    const std::chrono::system_clock::time_point time{Milliseconds(1'763'928'300'007)};
    CHECK(utc_timestamp(time) == "2025-11-23T20:05:00.007Z");
    CHECK(utc_timestamp(std::chrono::system_clock::time_point{}) == "1970-01-01T00:00:00.000Z");
}

}  // namespace
}  // namespace remote_access
