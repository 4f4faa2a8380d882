// SPDX-License-Identifier: Apache-2.0
#include "session/supervisor.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>

#include "base/log.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kFirstPause{250};
constexpr int kMostDoublings = 4;
constexpr Milliseconds kForwarderMargin{1'000};
constexpr std::uint16_t kGoingAway = 1001;

std::string seconds_text(Milliseconds span) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(span.count()) / 1000);
    return text.data();
}

std::string_view ender(message::Ended::By by) {
    switch (by) {
        case message::Ended::By::kTarget:
            return "the target";
        case message::Ended::By::kCloud:
            return "the cloud";
        case message::Ended::By::kUs:
            break;
    }
    return "this device";
}

}  // namespace

Supervisor::Supervisor(asio::io_context& io, const Config& config, Permit permit,
                       std::shared_ptr<Caller> caller, Seat& seat, Child forwarder)
    : io_(io),
      config_(config),
      permit_(std::move(permit)),
      caller_(std::move(caller)),
      seat_(seat),
      child_(std::move(forwarder)),
      forwarder_(std::make_shared<Channel>(io, std::move(child_.channel))),
      network_(read_network()),
      deadline_(io),
      pause_(io),
      limits_(io),
      patience_(io),
      signals_(io, SIGTERM, SIGINT) {}

template <class Method>
void Supervisor::after(asio::steady_timer& timer, Milliseconds span, Method method) {
    timer.expires_after(span);
    timer.async_wait([weak = weak_from_this(), method](const asio::error_code& error) {
        const auto self = weak.lock();
        if (!error && self) ((*self).*method)();
    });
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
    signals_.async_wait([weak](const asio::error_code& error, int) {
        const auto self = weak.lock();
        if (!error && self) self->on_signal();
    });
    caller_->start(caller_handlers());
    after(deadline_, config_.owner.limits.connect, &Supervisor::on_connect_deadline);
    token_awaited_ = config_.cloud.auth == AuthMethod::kCertificate;
    if (token_awaited_) caller_->need_token();
    if (phase_ == Phase::kConnecting) connect_cloud();
    if (phase_ == Phase::kConnecting) connect_target();
}

Caller::Handlers Supervisor::caller_handlers() {
    const std::weak_ptr<Supervisor> weak = weak_from_this();
    Caller::Handlers handlers;
    handlers.on_token = [weak](Secret jwt) {
        if (const auto self = weak.lock()) self->on_token(std::move(jwt));
    };
    handlers.on_no_token = [weak](const Error& error) {
        if (const auto self = weak.lock()) self->fail(error);
    };
    handlers.on_given_up = [weak](const Error& error) {
        const auto self = weak.lock();
        if (!self) return;
        self->fail(error);
        self->end_forwarder(kGoingAway, "operation failed");
    };
    handlers.on_reported = [weak](Reported reported) {
        if (const auto self = weak.lock()) self->seat_.counters().reported = reported;
    };
    handlers.on_settled = [weak] {
        if (const auto self = weak.lock()) self->maybe_over();
    };
    return handlers;
}

void Supervisor::on_token(Secret jwt) {
    token_awaited_ = false;
    if (!forwarder_->send(message::Token{std::move(jwt)})) on_forwarder_closed();
}

void Supervisor::connect_target() {
    const HostPort where{permit_.request().host, permit_.request().port};
    target_.emplace(io_, Connector::Role::kTarget, where, config_.owner.keepalive.timeout);
    const std::weak_ptr<Supervisor> weak = weak_from_this();
    target_->start(
        [weak](const IpAddress& address) -> Result<void> {
            const auto self = weak.lock();
            if (!self) return Error{};
            return self->permit_.permits(address, self->network_);
        },
        [weak](Result<Connected> result) {
            if (const auto self = weak.lock()) self->on_target(std::move(result));
        });
}

void Supervisor::on_target(Result<Connected> result) {
    if (phase_ != Phase::kConnecting) return;
    if (!result) {
        fail(result.error());
        return;
    }
    target_up_ = true;
    target_address_ = result->address.text();
    const Result<std::string> rule = permit_.rule_for(result->address, network_);
    rule_ = rule ? *rule : std::string();
    if (!forwarder_->send(message::Target{}, result->socket.get())) on_forwarder_closed();
}

void Supervisor::connect_cloud() {
    cloud_.emplace(io_, Connector::Role::kCloud, config_.cloud.http,
                   config_.owner.keepalive.timeout);
    const std::weak_ptr<Supervisor> weak = weak_from_this();
    cloud_->start({}, [weak](Result<Connected> result) {
        if (const auto self = weak.lock()) self->on_cloud(std::move(result));
    });
}

void Supervisor::on_cloud(Result<Connected> result) {
    if (phase_ != Phase::kConnecting) return;
    if (result) {
        cloud_up_ = true;
        if (!forwarder_->send(message::Cloud{}, result->socket.get())) on_forwarder_closed();
        return;
    }
    const Fault fault = result.error().fault;
    const bool passing = fault == Fault::kCloudRefused || fault == Fault::kCloudUnreachable;
    if (passing) {
        retry_cloud(result.error());
    } else {
        fail(result.error());
    }
}

void Supervisor::retry_cloud(Error cause) {
    log::info("trying again: " + reason(cause));
    last_cloud_error_ = std::move(cause);
    cloud_up_ = false;
    const Milliseconds span = kFirstPause * (1 << std::min(cloud_failures_++, kMostDoublings));
    after(pause_, span, &Supervisor::connect_cloud);
}

void Supervisor::on_forwarder_message(Received received) {
    if (const auto* line = std::get_if<message::Log>(&received.message)) {
        log::write(line->level, line->text);
    } else if (const auto* need = std::get_if<message::NeedCloud>(&received.message)) {
        on_need_cloud(*need);
    } else if (std::holds_alternative<message::Connected>(received.message)) {
        on_established();
    } else if (const auto* failed = std::get_if<message::Failed>(&received.message)) {
        fail(failed->error);
    } else if (auto* ended = std::get_if<message::Ended>(&received.message)) {
        ended_ = std::move(*ended);
    }
}

void Supervisor::on_need_cloud(const message::NeedCloud& need) {
    if (phase_ != Phase::kConnecting) return;
    if (!need.fresh_token) {
        retry_cloud(need.cause);
        return;
    }
    if (config_.cloud.auth == AuthMethod::kBasic || token_refreshed_) {
        fail(need.cause);
        return;
    }
    token_refreshed_ = true;
    token_awaited_ = true;
    log::info("asking for a fresh JWT: " + reason(need.cause));
    last_cloud_error_ = need.cause;
    caller_->need_token();
    if (phase_ == Phase::kConnecting) connect_cloud();
}

void Supervisor::on_established() {
    if (phase_ != Phase::kConnecting) return;
    phase_ = Phase::kEstablished;
    established_ = Clock::now();
    deadline_.cancel();
    const auto took = std::chrono::duration_cast<Milliseconds>(established_ - started_);
    log::info("established: " + permit_.request().target() + " (" + target_address_ + ", by " +
              rule_ + ") with " + config_.cloud.http.text() + " after " +
              std::to_string(took.count()) + " ms");
    caller_->connected();
    target_.reset();
    cloud_.reset();
    watch_limits();
}

void Supervisor::on_connect_deadline() {
    const LimitsConfig& limits = config_.owner.limits;
    const std::string span = format_duration(limits.connect);
    if (!target_up_) {
        fail({Fault::kTargetTimeout, permit_.request().target(), span});
    } else if (token_awaited_) {
        fail({Fault::kToken,
              {},
              "no answer on " + config_.cloud.topic_prefix + "/s/dat within " + span});
    } else if (last_cloud_error_) {
        fail(*last_cloud_error_);
    } else {
        fail({Fault::kCloudTimeout, config_.cloud.http.text(), span});
    }
}

/// Comes back when the next limit could be reached.
void Supervisor::watch_limits() {
    if (phase_ != Phase::kEstablished) return;
    const LimitsConfig& limits = config_.owner.limits;
    const Clock::time_point now = Clock::now();
    Milliseconds next = Milliseconds::max();
    if (limits.duration.count() > 0) {
        const auto left = std::chrono::ceil<Milliseconds>(established_ + limits.duration - now);
        if (left.count() <= 0) {
            end_forwarder(kGoingAway, "limits.duration reached");
            return;
        }
        next = std::min(next, left);
    }
    if (limits.idle.count() > 0) {
        const Clock::time_point last{Milliseconds(seat_.counters().last_activity.load())};
        const auto left =
            std::chrono::ceil<Milliseconds>(std::max(last, established_) + limits.idle - now);
        if (left.count() <= 0) {
            end_forwarder(kGoingAway, "limits.idle reached");
            return;
        }
        next = std::min(next, left);
    }
    if (next != Milliseconds::max()) after(limits_, next, &Supervisor::watch_limits);
}

void Supervisor::on_signal() {
    if (phase_ == Phase::kConnecting)
        fail({Fault::kSession, "process", "was stopped on the device"});
    end_forwarder(kGoingAway, "stopped on the device");
}

/// Ends the connecting phase without success; the first failure is the one that counts.
void Supervisor::fail(const Error& error) {
    if (phase_ != Phase::kConnecting) return;
    log::error("failed: " + reason(error));
    caller_->failed(error);
    end_forwarder(kGoingAway, {});
}

void Supervisor::end_forwarder(std::uint16_t code, const std::string& text) {
    if (phase_ == Phase::kEnding || phase_ == Phase::kOver) return;
    phase_ = Phase::kEnding;
    end_reason_ = text;
    deadline_.cancel();
    pause_.cancel();
    limits_.cancel();
    target_.reset();
    cloud_.reset();
    [[maybe_unused]] const Result<void> sent = forwarder_->send(message::Stop{code, text});
    after(patience_, config_.owner.limits.drain + kForwarderMargin,
          &Supervisor::on_forwarder_patience);
}

/// It does not end by itself (stopped, or stuck): its sockets must not live on.
void Supervisor::on_forwarder_patience() {
    log::warn("the forwarder does not end: killed");
    if (child_.pidfd) {
        ::syscall(SYS_pidfd_send_signal, child_.pidfd.get(), SIGKILL, nullptr, 0);
    } else {
        ::kill(child_.pid, SIGKILL);  // not reaped yet, so the number is still its own
    }
}

void Supervisor::on_forwarder_closed() {
    if (phase_ == Phase::kOver) return;
    if (phase_ == Phase::kConnecting)
        fail({Fault::kProcess, "forwarder", "before the session stood"});
    record_end();
    phase_ = Phase::kOver;
    forwarder_->close();
    deadline_.cancel();
    limits_.cancel();
    patience_.cancel();
    seat_.leave();
    maybe_over();
}

void Supervisor::record_end() {
    if (established_ == Clock::time_point{}) return;
    const auto lasted = std::chrono::duration_cast<Milliseconds>(Clock::now() - established_);
    const Counters& counters = seat_.counters();
    std::string line = "ended by ";
    if (!end_reason_.empty()) {
        line += "this device (" + end_reason_ + ")";
    } else if (ended_) {
        line += std::string(ender(ended_->by)) + " (close code " + std::to_string(ended_->code) +
                (ended_->detail.empty() ? "" : ", " + ended_->detail) + ")";
    } else {
        line += "a forwarder that ended unexpectedly";
    }
    line += ": " + std::to_string(counters.to_cloud.load()) + " bytes to the cloud, " +
            std::to_string(counters.to_target.load()) + " bytes to the target, " +
            seconds_text(lasted);
    log::info(line);
}

void Supervisor::maybe_over() {
    if (phase_ == Phase::kOver && caller_->settled()) io_.stop();
}

}  // namespace remote_access
