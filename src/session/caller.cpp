// SPDX-License-Identifier: Apache-2.0
#include "session/caller.hpp"

#include "base/log.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kTakeOverPatience{60'000};
/// Nobody has seen this operation start: the cloud still has it PENDING and sends it again.
constexpr Milliseconds kNeverStartedPatience{5'000};
/// Of a process that is to end: systemd kills it after TimeoutStopSec (10 s in our unit), and the
/// restart of the mapper's unit waits for it.
constexpr Milliseconds kHurriedPatience{3'000};
/// For a plugin that lives, and reports: what it has told at last would be told again.
constexpr Milliseconds kHurriedPlugin{6'000};
constexpr Milliseconds kDisconnect{200};

}  // namespace

Caller::Caller(asio::io_context& io, Fd channel, Fd window, const Config& config,
               OperationId operation)
    : io_(io),
      channel_(std::make_shared<Channel>(io, std::move(channel))),
      window_(std::move(window)),
      broker_(config.broker),
      prefix_(config.cloud.topic_prefix),
      operation_(std::move(operation)),
      patience_(io) {}

void Caller::start(Handlers handlers) {
    handlers_ = std::move(handlers);
    const std::weak_ptr<Caller> weak = weak_from_this();
    channel_->start(
        [weak](Received received) {
            if (const auto self = weak.lock()) self->on_message(std::move(received));
        },
        [weak] {
            if (const auto self = weak.lock()) self->on_closed();
        });
}

void Caller::tell(const message::Message& message) {
    if (gone_ || settled_) return;
    const Result<void> sent = channel_->send(message);
    if (!sent) log::debug("plugin not reachable: " + sent.error().detail);
}

void Caller::need_token() {
    token_awaited_ = true;
    if (gone_) {
        handlers_.on_given_up({Fault::kProcess, "plugin", "it was to ask for a JWT"});
        return;
    }
    tell(message::NeedToken{});
}

void Caller::connected() {
    if (outcome_) return;
    outcome_ = FinalStatus{true, {}};
    tell(message::Connected{});
    if (gone_) take_over();
}

void Caller::failed(const Error& error) {
    if (outcome_) return;
    outcome_ = FinalStatus{false, reason(error)};
    tell(message::Failed{error});
    if (gone_) take_over();
}

void Caller::on_message(Received received) {
    if (auto* token = std::get_if<message::Token>(&received.message)) {
        token_awaited_ = false;
        handlers_.on_token(std::move(token->jwt));
    } else if (auto* none = std::get_if<message::NoToken>(&received.message)) {
        token_awaited_ = false;
        handlers_.on_no_token(std::move(none->error));
    } else if (const auto* published = std::get_if<message::Published>(&received.message)) {
        using State = message::Published::State;
        if (published->state == State::kAnnounced || published->state == State::kExecuting) {
            executing_published_ = published->state == State::kExecuting;
            handlers_.on_reported(Reported::kExecuting);
            return;
        }
        handlers_.on_reported(Reported::kFinal);
        const bool contradicts =
            published->state == State::kFailed && !(outcome_ && !outcome_->successful);
        settle();
        if (contradicts)
            handlers_.on_given_up({Fault::kTimeout, {}, "the plugin reported the failure itself"});
    }
}

void Caller::on_closed() {
    if (settled_) return;
    gone_ = true;
    log::warn("the plugin is gone before the final status: this session publishes it");
    if (outcome_) {
        take_over();
    } else if (token_awaited_) {
        handlers_.on_given_up({Fault::kProcess, "plugin", "it was to ask for a JWT"});
    }
}

/// Only now does this process start an MQTT client.
void Caller::take_over() {
    if (connection_) return;
    connection_ = std::make_shared<MqttConnection>(io_, broker_);
    reporter_ = std::make_shared<StatusReporter>(io_, *connection_, prefix_, operation_,
                                                 window_.get(), executing_published_);
    const std::weak_ptr<Caller> weak = weak_from_this();
    MqttConnection::Handlers network;
    network.on_up = [weak] {
        if (const auto self = weak.lock()) self->reporter_->on_up();
    };
    network.on_down = [weak](const Error& error) {
        if (const auto self = weak.lock()) self->on_broker_down(error);
    };
    connection_->start(std::move(network));
    StatusReporter::Handlers progress;
    progress.before_executing = [weak] {
        if (const auto self = weak.lock()) self->handlers_.on_reported(Reported::kExecuting);
    };
    progress.on_final = [weak] {
        const auto self = weak.lock();
        if (!self) return;
        self->handlers_.on_reported(Reported::kFinal);
        self->settle();
    };
    reporter_->start(std::move(progress));
    reporter_->finish(*outcome_);
    const bool owed = executing_published_ || outcome_->successful;
    const Milliseconds span = owed ? kTakeOverPatience : kNeverStartedPatience;
    wait_at_most(hurried_ ? kHurriedPatience : span + reporter_->window_wait());
}

void Caller::hurry() {
    hurried_ = true;
    if (!settled_) wait_at_most(gone_ ? kHurriedPatience : kHurriedPlugin);
}

void Caller::wait_at_most(Milliseconds span) {
    patience_.expires_after(span);
    patience_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        const auto self = weak.lock();
        if (error || !self || self->settled_) return;
        log::error(self->executing_published_
                       ? "the final status could not be published: the next operation tells it"
                       : "the final status could not be published");
        self->settle();
    });
}

void Caller::on_broker_down(const Error& error) {
    if (!broker_missed_) log::warn(reason(error));
    broker_missed_ = true;
    reporter_->on_down();
}

void Caller::settle() {
    if (settled_) return;
    settled_ = true;
    patience_.cancel();
    channel_->close();
    if (connection_) connection_->stop(kDisconnect);
    window_.reset();
    handlers_.on_settled();
}

}  // namespace remote_access
