// SPDX-License-Identifier: Apache-2.0
#include "mqtt/notice.hpp"

#include <utility>

namespace remote_access {
namespace {

constexpr Milliseconds kDisconnect{100};

}  // namespace

Notice::Notice(asio::io_context& io, const BrokerConfig& broker)
    : connection_(std::make_shared<MqttConnection>(io, broker)),
      deadline_(io),
      last_error_{Fault::kBroker, broker.address.text(), "no answer"} {}

void Notice::publish(std::string topic, std::string payload, Milliseconds at_most, OnDone on_done) {
    topic_ = std::move(topic);
    payload_ = std::move(payload);
    on_done_ = std::move(on_done);
    deadline_.expires_after(at_most);
    deadline_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        const auto self = weak.lock();
        if (!error && self) self->on_deadline();
    });
    connection_->start(handlers());
}

MqttConnection::Handlers Notice::handlers() {
    MqttConnection::Handlers handlers;
    handlers.on_up = [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->on_up();
    };
    handlers.on_down = [weak = weak_from_this()](const Error& error) {
        if (const auto self = weak.lock()) self->on_down(error);
    };
    return handlers;
}

void Notice::on_up() {
    connection_->publish(topic_, payload_, [weak = weak_from_this()](const Result<void>& result) {
        const auto self = weak.lock();
        if (self && result) self->finish({});
    });
}

/// It connects again, and the message goes out once more.
void Notice::on_down(const Error& error) { last_error_ = error; }

void Notice::on_deadline() { finish(last_error_); }

void Notice::finish(const Result<void>& result) {
    const OnDone on_done = std::exchange(on_done_, nullptr);
    if (!on_done) return;
    deadline_.cancel();
    connection_->stop(kDisconnect);
    on_done(result);
}

}  // namespace remote_access
