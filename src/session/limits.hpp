// SPDX-License-Identifier: Apache-2.0
// limits.duration and limits.idle of an established session, by its clock and its counters, so
// that they hold also when the forwarder hangs.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "session/counters.hpp"

namespace remote_access {

class LimitsWatch : public std::enable_shared_from_this<LimitsWatch> {
public:
    using OnReached = std::function<void(const std::string& which)>;

    LimitsWatch(asio::io_context& io, const LimitsConfig& limits, const Counters& counters);

    /// The session stands now. `on_reached` comes at most once; not after cancel().
    void start(OnReached on_reached);
    void cancel();

private:
    void look();
    Clock::time_point last_payload() const;
    std::optional<Milliseconds> left(Clock::time_point since, Milliseconds limit) const;

    LimitsConfig limits_;
    const Counters& counters_;
    Clock::time_point established_{};
    asio::steady_timer timer_;
    OnReached on_reached_;
};

}  // namespace remote_access
