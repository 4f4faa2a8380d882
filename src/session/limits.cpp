// SPDX-License-Identifier: Apache-2.0
#include "session/limits.hpp"

#include <algorithm>

namespace remote_access {

LimitsWatch::LimitsWatch(asio::io_context& io, const LimitsConfig& limits, const Counters& counters)
    : limits_(limits), counters_(counters), timer_(io) {}

void LimitsWatch::start(OnReached on_reached) {
    on_reached_ = std::move(on_reached);
    established_ = Clock::now();
    look();
}

void LimitsWatch::cancel() {
    on_reached_ = nullptr;
    timer_.cancel();
}

/// Comes back when the next limit could be reached.
void LimitsWatch::look() {
    if (!on_reached_) return;
    const auto duration = left(established_, limits_.duration);
    const auto idle = left(last_payload(), limits_.idle);
    for (const auto& [rest, name] :
         {std::pair(duration, "limits.duration reached"), std::pair(idle, "limits.idle reached")}) {
        if (!rest || rest->count() > 0) continue;
        const OnReached on_reached = std::move(on_reached_);
        cancel();
        on_reached(name);
        return;
    }
    if (!duration && !idle) return;
    timer_.expires_after(
        std::min(duration.value_or(Milliseconds::max()), idle.value_or(Milliseconds::max())));
    timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        const auto self = weak.lock();
        if (!error && self) self->look();
    });
}

/// A forwarder that was taken over may have written anything.
Clock::time_point LimitsWatch::last_payload() const {
    const auto since = std::chrono::duration_cast<Milliseconds>(established_.time_since_epoch());
    const auto now = std::chrono::duration_cast<Milliseconds>(Clock::now().time_since_epoch());
    return Clock::time_point(std::clamp(Milliseconds(counters_.last_activity.load()), since, now));
}

/// Nothing: there is no such limit.
std::optional<Milliseconds> LimitsWatch::left(Clock::time_point since, Milliseconds limit) const {
    if (limit.count() <= 0) return std::nullopt;
    return std::chrono::ceil<Milliseconds>(since + limit - Clock::now());
}

}  // namespace remote_access
