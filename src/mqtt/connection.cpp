// SPDX-License-Identifier: Apache-2.0
#include "mqtt/connection.hpp"

#include <utility>

namespace remote_access {
namespace {

constexpr Milliseconds kAttempt{5'000};
constexpr Milliseconds kPause{500};

}  // namespace

MqttConnection::MqttConnection(asio::io_context& io, BrokerConfig broker)
    : letter_box_(std::make_shared<LetterBox>(io)), broker_(std::move(broker)), timer_(io) {}

void MqttConnection::start(Handlers handlers) {
    handlers_ = std::move(handlers);
    attempt();
}

void MqttConnection::attempt() {
    client_.emplace(
        broker_, [box = letter_box_](std::function<void()> call) { box->post(std::move(call)); });
    const std::weak_ptr<MqttConnection> weak = weak_from_this();
    client_->connect(
        [weak](const Result<void>& result) {
            if (const auto self = weak.lock()) self->on_result(result);
        },
        [weak](const std::string& topic, const std::string& payload) {
            const auto self = weak.lock();
            if (self && self->handlers_.on_message) self->handlers_.on_message(topic, payload);
        },
        [weak] {
            const auto self = weak.lock();
            if (self) self->lose({Fault::kBroker, self->broker_.address.text(), "connection lost"});
        });
    wait(kAttempt, &MqttConnection::on_attempt_deadline);
}

void MqttConnection::on_result(const Result<void>& result) {
    if (stopped_) return;
    if (!result) {
        lose(result.error());
        return;
    }
    timer_.cancel();
    up_ = true;
    if (handlers_.on_up) handlers_.on_up();
}

void MqttConnection::on_attempt_deadline() {
    if (!up_) lose({Fault::kBroker, broker_.address.text(), "no answer within 5s"});
}

void MqttConnection::lose(Error error) {
    if (stopped_) return;
    up_ = false;
    client_.reset();
    wait(kPause, &MqttConnection::attempt);
    if (handlers_.on_down) handlers_.on_down(std::move(error));
}

void MqttConnection::wait(Milliseconds span, void (MqttConnection::*then)()) {
    timer_.expires_after(span);
    const std::weak_ptr<MqttConnection> weak = weak_from_this();
    timer_.async_wait([weak, then](const asio::error_code& error) {
        const auto self = weak.lock();
        if (!error && self && !self->stopped_) ((*self).*then)();
    });
}

void MqttConnection::subscribe(const std::string& topic, const MqttClient::OnResult& on_done) {
    if (client_) client_->subscribe(topic, on_done);
}

void MqttConnection::publish(const std::string& topic, std::string_view payload,
                             const MqttClient::OnResult& on_done) {
    if (client_) client_->publish(topic, payload, 1, on_done);
}

void MqttConnection::send(const std::string& topic, std::string_view payload) {
    if (client_) client_->publish(topic, payload, 0, [](const Result<void>&) {});
}

void MqttConnection::stop(Milliseconds at_most) {
    stopped_ = true;
    timer_.cancel();
    handlers_ = {};
    if (client_ && up_) client_->disconnect(at_most);
    client_.reset();
    letter_box_->close();
}

}  // namespace remote_access
