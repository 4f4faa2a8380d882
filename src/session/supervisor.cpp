// SPDX-License-Identifier: Apache-2.0
#include "session/supervisor.hpp"

#include <malloc.h>

#include "base/log.hpp"
#include "base/memory.hpp"
#include "session/seat_file.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kForwarderMargin{1'000};
constexpr Milliseconds kDeathPatience{200};  // it has closed its channel: it is dying already
constexpr std::uint16_t kGoingAway = 1001;

}  // namespace

Supervisor::Supervisor(asio::io_context& io, const Config& config, Permit permit,
                       std::shared_ptr<Caller> caller, Seat& seat, Child forwarder)
    : io_(io),
      config_(config),
      caller_(std::move(caller)),
      seat_(seat),
      child_(std::move(forwarder)),
      forwarder_(std::make_shared<Channel>(io, std::move(child_.channel))),
      opening_(std::make_shared<Opening>(io, config, std::move(permit), forwarder_, caller_)),
      limits_(std::make_shared<LimitsWatch>(io, config.owner.limits, seat.counters())),
      patience_(io),
      stop_signal_(std::make_shared<StopSignal>(io)),
      drain_(config.owner.limits.drain) {
    record_.session = seat.id();
    record_.operation = opening_->permit().request().operation;
    record_.target = opening_->permit().request().target();
    record_.cloud = way_to(config.cloud.http, config.proxy);
}

void Supervisor::start() {
    const std::weak_ptr<Supervisor> weak = weak_from_this();
    forwarder_->start(
        [weak](Received received) {
            if (const auto self = weak.lock()) self->on_forwarder_message(std::move(received));
        },
        [weak] {
            if (const auto self = weak.lock()) self->on_forwarder_closed();
        });
    stop_signal_->start([weak](const std::string& why) {
        if (const auto self = weak.lock()) self->on_signal(why);
    });
    caller_->start(caller_handlers());
    opening_->start([weak](const Error& error) {
        if (const auto self = weak.lock()) self->fail(error);
    });
}

Caller::Handlers Supervisor::caller_handlers() {
    const std::weak_ptr<Supervisor> weak = weak_from_this();
    Caller::Handlers handlers;
    handlers.on_token = [weak](Secret jwt) {
        if (const auto self = weak.lock()) self->opening_->on_token(std::move(jwt));
    };
    handlers.on_no_token = [weak](const Error& error) {
        if (const auto self = weak.lock()) self->fail(error);
    };
    handlers.on_given_up = [weak](const Error& error) {
        const auto self = weak.lock();
        if (!self) return;
        self->fail(error);
        self->end_forwarder(kGoingAway, "the operation has failed");
    };
    handlers.on_reported = [weak](Reported reported) {
        if (const auto self = weak.lock()) self->seat_.report(reported);
    };
    handlers.on_settled = [weak] {
        ::malloc_trim(0);  // what connecting took; a session may live for a day
        if (const auto self = weak.lock()) self->maybe_over();
    };
    return handlers;
}

void Supervisor::on_forwarder_message(Received received) {
    if (const auto* line = std::get_if<message::Log>(&received.message)) {
        log::write(line->level, line->text);
    } else if (const auto* need = std::get_if<message::NeedCloud>(&received.message)) {
        opening_->on_need_cloud(*need);
    } else if (std::holds_alternative<message::Connected>(received.message)) {
        on_established();
    } else if (std::holds_alternative<message::Passed>(received.message)) {
        opening_->on_passed();
    } else if (const auto* failed = std::get_if<message::Failed>(&received.message)) {
        fail(failed->error);
    } else if (auto* ended = std::get_if<message::Ended>(&received.message)) {
        record_.ended = std::move(*ended);
    }
}

void Supervisor::on_established() {
    if (phase_ != Phase::kConnecting) return;
    phase_ = Phase::kEstablished;
    established_ = Clock::now();
    record_.setup = std::chrono::duration_cast<Milliseconds>(established_ - started_);
    record_.address = opening_->address();
    record_.rule = opening_->rule();
    opening_->stop();
    seat_.keep_record({record_.address, record_.rule, record_.cloud,
                       std::chrono::duration_cast<Milliseconds>(established_.time_since_epoch())});
    forget_stack();
    log::info(established_line(record_));
    caller_->connected();
    limits_->start([weak = weak_from_this()](const std::string& which) {
        if (const auto self = weak.lock()) self->end_forwarder(kGoingAway, which);
    });
}

void Supervisor::on_signal(const std::string& why) {
    fail(stopped_error());
    caller_->hurry();
    end_forwarder(kGoingAway, why);
}

/// Ends the connecting phase without success; the first failure is the one that counts.
void Supervisor::fail(const Error& error) {
    if (phase_ != Phase::kConnecting) return;
    // Where all processes are stopped at once, another's end may be heard before our own signal.
    const Error cause = stop_pending() ? stopped_error() : error;
    log::error("failed: " + reason(cause));
    caller_->failed(cause);
    if (is_refusal(cause.fault))
        publish(refusal_event(config_, record_.operation, record_.target, cause,
                              std::chrono::system_clock::now()));
    end_forwarder(kGoingAway, {});
}

void Supervisor::end_forwarder(std::uint16_t code, const std::string& text) {
    if (phase_ == Phase::kEnding || phase_ == Phase::kOver) return;
    phase_ = Phase::kEnding;
    record_.our_reason = text;
    opening_->stop();
    limits_->cancel();
    [[maybe_unused]] const Result<void> sent = forwarder_->send(message::Stop{code, text});
    patience_.expires_after(drain_ + kForwarderMargin);
    patience_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        const auto self = weak.lock();
        if (!error && self) self->on_forwarder_patience();
    });
}

/// It does not end by itself (stopped, or stuck): its sockets must not live on.
void Supervisor::on_forwarder_patience() {
    if (phase_ == Phase::kOver) return;
    log::warn("the forwarder does not end: killed");
    kill_child(child_);
}

void Supervisor::on_forwarder_closed() {
    if (phase_ == Phase::kOver) return;
    record_.death = await_end(child_, kDeathPatience);
    fail({Fault::kProcess, "forwarder", record_.death + " before the session stood"});
    record_end();
    phase_ = Phase::kOver;
    forwarder_->close();
    limits_->cancel();
    patience_.cancel();
    maybe_over();
}

void Supervisor::record_end() {
    if (established_ == Clock::time_point{}) return;
    record_.lasted = std::chrono::duration_cast<Milliseconds>(Clock::now() - established_);
    record_.to_cloud = seat_.counters().to_cloud.load();
    record_.to_target = seat_.counters().to_target.load();
    log::info(ended_line(record_));
    publish(session_event(config_, record_, std::chrono::system_clock::now()));
}

void Supervisor::publish(AuditEvent event) {
    notice_ = publish_event(io_, config_, std::move(event), [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_published();
    });
}

void Supervisor::on_published() {
    notice_.reset();
    seat_.record_told();
    maybe_over();
}

void Supervisor::maybe_over() {
    if (phase_ != Phase::kOver || !caller_->settled()) return;
    seat_.leave();
    if (!notice_) io_.stop();
}

}  // namespace remote_access
