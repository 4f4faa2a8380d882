// SPDX-License-Identifier: Apache-2.0
// Durations as the settings and the reasons write them ("20s", "1h30m"), and deadlines.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace remote_access {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

/// "250ms", "20s", "5m", "24h", "7d" and sums of them ("1h30m"). Nothing for anything else.
std::optional<Milliseconds> parse_duration(std::string_view text);

/// The shortest exact form parse_duration() reads back: "1h30m", "20s", "0s".
std::string format_duration(Milliseconds duration);

class Deadline {
public:
    explicit Deadline(Clock::time_point end) : end_(end) {}
    static Deadline in(Milliseconds span) { return Deadline(Clock::now() + span); }

    Clock::time_point time() const { return end_; }
    bool over() const { return Clock::now() >= end_; }
    /// Never negative; rounded up, so that a wait of this length ends after the deadline.
    Milliseconds left() const;

private:
    Clock::time_point end_;
};

/// UTC in ISO 8601 with milliseconds: "2026-11-23T20:05:00.123Z".
std::string utc_timestamp(std::chrono::system_clock::time_point time);

}  // namespace remote_access
