// SPDX-License-Identifier: Apache-2.0
// One session's life in the session process: has both ends opened, tells the caller, enforces the
// limits also when the forwarder hangs, and records how it ended.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "audit/event.hpp"
#include "audit/record.hpp"
#include "config/config.hpp"
#include "policy/policy.hpp"
#include "session/caller.hpp"
#include "session/launch.hpp"
#include "session/limits.hpp"
#include "session/opening.hpp"
#include "session/seat.hpp"
#include "session/session_event.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {

class Supervisor : public std::enable_shared_from_this<Supervisor> {
public:
    Supervisor(asio::io_context& io, const Config& config, Permit permit,
               std::shared_ptr<Caller> caller, Seat& seat, Child forwarder);

    void start();

private:
    enum class Phase { kConnecting, kEstablished, kEnding, kOver };

    Caller::Handlers caller_handlers();
    void on_forwarder_message(Received received);
    void on_established();
    void on_forwarder_closed();
    void on_signal(const std::string& why);

    void fail(const Error& error);
    void end_forwarder(std::uint16_t code, const std::string& text);
    void on_forwarder_patience();
    void record_end();
    void publish(AuditEvent event);
    void on_published();
    void maybe_over();

    asio::io_context& io_;
    const Config& config_;
    std::shared_ptr<Caller> caller_;
    Seat& seat_;
    Child child_;
    std::shared_ptr<Channel> forwarder_;
    std::shared_ptr<Opening> opening_;
    std::shared_ptr<LimitsWatch> limits_;
    asio::steady_timer patience_;
    std::shared_ptr<StopSignal> stop_signal_;
    const Milliseconds drain_;

    Phase phase_ = Phase::kConnecting;
    Clock::time_point started_ = Clock::now();
    Clock::time_point established_{};
    SessionRecord record_;
    std::shared_ptr<Notice> notice_;  // while the event is on its way
};

}  // namespace remote_access
