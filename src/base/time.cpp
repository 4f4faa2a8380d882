// SPDX-License-Identifier: Apache-2.0
#include "base/time.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

namespace remote_access {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};

// Longest first: "ms" must be tried before "m".
constexpr std::array kUnits{Unit{"ms", 1}, Unit{"d", 86'400'000}, Unit{"h", 3'600'000},
                            Unit{"m", 60'000}, Unit{"s", 1'000}};
constexpr std::int64_t kLongest = std::int64_t{10} * 365 * 86'400'000;  // ten years

}  // namespace

std::optional<Milliseconds> parse_duration(std::string_view text) {
    if (text.empty()) return std::nullopt;
    std::int64_t total = 0;
    while (!text.empty()) {
        std::int64_t count = 0;
        const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), count);
        if (code != std::errc{} || count < 0 || text.front() == '-') return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        std::int64_t scale = 0;
        for (const Unit& unit : kUnits) {
            if (text.substr(0, unit.name.size()) != unit.name) continue;
            scale = unit.milliseconds;
            text.remove_prefix(unit.name.size());
            break;
        }
        if (scale == 0 || count > kLongest / scale) return std::nullopt;
        total += count * scale;
        if (total > kLongest) return std::nullopt;
    }
    return Milliseconds(total);
}

std::string format_duration(Milliseconds duration) {
    constexpr std::array kLargestFirst{Unit{"d", 86'400'000}, Unit{"h", 3'600'000},
                                       Unit{"m", 60'000}, Unit{"s", 1'000}, Unit{"ms", 1}};
    std::int64_t rest = duration.count();
    if (rest <= 0) return "0s";
    std::string text;
    for (const Unit& unit : kLargestFirst) {
        if (rest < unit.milliseconds) continue;
        text += std::to_string(rest / unit.milliseconds);
        text += unit.name;
        rest %= unit.milliseconds;
    }
    return text;
}

Milliseconds Deadline::left() const {
    const auto span = std::chrono::ceil<Milliseconds>(end_ - Clock::now());
    return std::max(span, Milliseconds(0));
}

std::string utc_timestamp(std::chrono::system_clock::time_point time) {
    const auto since = time.time_since_epoch();
    const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(since).count();
    const auto fraction = std::chrono::duration_cast<Milliseconds>(since).count() % 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 32> date{};
    std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    std::array<char, 8> tail{};
    std::snprintf(tail.data(), tail.size(), ".%03dZ", static_cast<int>(fraction));
    return std::string(date.data()) + tail.data();
}

}  // namespace remote_access
