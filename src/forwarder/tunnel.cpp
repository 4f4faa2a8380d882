// SPDX-License-Identifier: Apache-2.0
#include "forwarder/tunnel.hpp"

#include <asio/post.hpp>

#include <utility>
#include "forwarder/tcp.hpp"

namespace remote_access {

Tunnel::Tunnel(asio::io_context& io, Attempt::Opened cloud, Fd target, Counters& counters,
               const KeepaliveConfig& keepalive, Milliseconds drain)
    : io_(io),
      cloud_(std::move(cloud)),
      target_watch_(std::make_shared<Watch>(io, std::move(target))),
      target_(target_watch_->descriptor()),
      pump_(*cloud_.tls, target_, cloud_.codec, counters, keepalive, drain, Clock::now()),
      timer_(io) {}

void Tunnel::start(OnOver on_over) {
    on_over_ = std::move(on_over);
    const auto ready = [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->run();
    };
    lift_user_timeout(cloud_.watch->descriptor());
    lift_user_timeout(target_watch_->descriptor());
    cloud_.watch->on_ready(ready);
    target_watch_->on_ready(ready);
    run();
}

void Tunnel::stop(std::uint16_t code, const std::string& text) {
    pump_.stop(Clock::now(), code, text);
    run();
}

void Tunnel::run() {
    if (!on_over_) return;
    pump_.run(Clock::now());
    if (pump_.over()) {
        finish();
    } else {
        wait();
    }
}

void Tunnel::wait() {
    const Pump::Wants wants = pump_.wants();
    cloud_.watch->want(wants.cloud_read, wants.cloud_write);
    target_watch_->want(wants.target_read, wants.target_write);
    if (wants.wake_at.has_value()) wake_at(*wants.wake_at);
    if (wants.again) run_again();
}

/// Once, whatever comes between: else each event adds a turn, and a busy pump's never end.
void Tunnel::run_again() {
    if (std::exchange(runs_again_, true)) return;
    asio::post(io_, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (!self) return;
        self->runs_again_ = false;
        self->run();
    });
}

/// Moved only to an earlier time: with every byte that arrives the next deadline goes back.
void Tunnel::wake_at(Clock::time_point time) {
    if (armed_for_.has_value() && *armed_for_ <= time) return;
    armed_for_ = time;
    timer_.expires_at(time);
    timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        if (const auto self = weak.lock()) self->on_timer(error);
    });
}

void Tunnel::on_timer(const asio::error_code& error) {
    if (error) return;  // moved to an earlier time
    armed_for_.reset();
    run();
}

void Tunnel::finish() {
    const OnOver on_over = std::exchange(on_over_, nullptr);
    timer_.cancel();
    cloud_.tls->close();
    cloud_.watch->close();
    target_watch_->close();
    on_over(pump_.ending());
}

}  // namespace remote_access
