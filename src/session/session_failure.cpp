// SPDX-License-Identifier: Apache-2.0
#include "session/session_failure.hpp"

#include <asio/io_context.hpp>
#include <chrono>

#include "audit/event.hpp"
#include "base/log.hpp"
#include "session/caller.hpp"
#include "session/run_folder.hpp"
#include "session/seat.hpp"
#include "session/session_event.hpp"
#include "session/session_sandbox.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {
namespace {

/// Callbacks hold `this` only: nothing is called after the loop in serve() has stopped.
class FailedSession {
public:
    FailedSession(Fd plugin, Fd window, const Config& config, const OperationId& operation,
                  Seat* seat)
        : config_(config),
          operation_(operation),
          seat_(seat),
          stop_signal_(std::make_shared<StopSignal>(io_)),
          caller_(std::make_shared<Caller>(io_, std::move(plugin), std::move(window), config,
                                           operation)) {}

    void serve(const std::string& target, const Error& error) {
        Caller::Handlers handlers;
        handlers.on_token = [](const Secret&) {};
        handlers.on_no_token = [](const Error&) {};
        handlers.on_given_up = [](const Error&) {};
        handlers.on_reported = [this](Reported reported) {
            reported_ = reported;
            if (seat_ != nullptr) seat_->report(reported);
        };
        handlers.on_settled = [this] { leave_when_done(); };
        caller_->start(std::move(handlers));
        stop_signal_->start([this](const std::string&) { on_signal(); });
        caller_->failed(error);
        if (is_refusal(error.fault)) publish(target, error);
        io_.run();
        if (seat_ == nullptr && reported_ == Reported::kExecuting) remember();
    }

private:
    /// The status could not be told, and there is no seat to say so.
    void remember() {
        const Result<std::string> folder = run_folder(config_);
        if (folder) leave_owed(*folder, config_.cloud.topic_prefix, operation_);
    }

    void publish(const std::string& target, const Error& error) {
        const auto now = std::chrono::system_clock::now();
        notice_ = publish_event(io_, config_,
                                refusal_event(config_, operation_, target, error, now), [this] {
                                    notice_.reset();
                                    leave_when_done();
                                });
    }

    void on_signal() {
        stopping_ = true;
        caller_->hurry();
        leave_when_done();
    }

    void leave_when_done() {
        if ((!notice_ || stopping_) && caller_->settled()) io_.stop();
    }

    asio::io_context io_;
    const Config& config_;
    const OperationId& operation_;
    Seat* seat_;  // if there is one
    Reported reported_ = Reported::kNothing;
    bool stopping_ = false;
    std::shared_ptr<StopSignal> stop_signal_;
    std::shared_ptr<Caller> caller_;
    std::shared_ptr<Notice> notice_;
};

}  // namespace

int serve_failure(Fd plugin, Fd window, const Config& config, const OperationId& operation,
                  const std::string& target, const Error& error, Seat* seat) {
    const std::string why = reason(error);
    const bool names_target = why.find(target) != std::string::npos;
    log::error("failed: " + (names_target ? "" : target + ": ") + why);
    // Whatever cannot be had: a failure is told.
    [[maybe_unused]] const Result<void> locked = lock_in_session(config, SandboxMode::kAuto);
    FailedSession(std::move(plugin), std::move(window), config, operation, seat)
        .serve(target, error);
    return 0;
}

}  // namespace remote_access
