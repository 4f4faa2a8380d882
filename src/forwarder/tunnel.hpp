// SPDX-License-Identifier: Apache-2.0
// An open session: the pump, bound to the two descriptors and the clock. Waits for exactly what the
// pump wants, and for nothing while it wants nothing.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "base/fd.hpp"
#include "forwarder/attempt.hpp"
#include "forwarder/pump.hpp"
#include "forwarder/target.hpp"
#include "forwarder/watch.hpp"

namespace remote_access {

class Tunnel : public std::enable_shared_from_this<Tunnel> {
public:
    using OnOver = std::function<void(const message::Ended&)>;

    Tunnel(asio::io_context& io, Attempt::Opened cloud, Fd target, Counters& counters,
           const KeepaliveConfig& keepalive, Milliseconds drain);

    /// `on_over` comes once, after both connections are closed.
    void start(OnOver on_over);
    void stop(std::uint16_t code, const std::string& text);

private:
    void run();
    void run_again();
    void wait();
    void wake_at(Clock::time_point time);
    void on_timer(const asio::error_code& error);
    void finish();

    asio::io_context& io_;
    Attempt::Opened cloud_;
    std::shared_ptr<Watch> target_watch_;
    SocketTarget target_;
    Pump pump_;
    asio::steady_timer timer_;
    std::optional<Clock::time_point> armed_for_;
    bool runs_again_ = false;
    OnOver on_over_;
};

}  // namespace remote_access
