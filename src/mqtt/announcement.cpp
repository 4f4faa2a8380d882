// SPDX-License-Identifier: Apache-2.0
#include "mqtt/announcement.hpp"

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <memory>
#include <optional>

#include "mqtt/connection.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kDisconnect{200};

// Callbacks hold `this` only: the loop runs inside run(), and nothing is called after it.
class Announcing {
public:
    Announcing(const BrokerConfig& broker, const std::vector<Announcement>& messages)
        : messages_(messages),
          left_(messages.size()),
          connection_(std::make_shared<MqttConnection>(io_, broker)),
          error_(Error{Fault::kBroker, broker.address.text(), "no answer in time"}) {}

    Result<void> run(Milliseconds patience) {
        MqttConnection::Handlers handlers;
        handlers.on_up = [this] { publish(); };
        handlers.on_down = [this](Error error) { end(std::move(error)); };
        connection_->start(std::move(handlers));
        // What is awaited is on Paho's threads, not in the loop.
        const auto keep_running = asio::make_work_guard(io_);
        io_.run_for(patience);
        connection_->stop(kDisconnect);
        return error_ ? Result<void>(*error_) : Result<void>();
    }

private:
    void publish() {
        for (const Announcement& one : messages_) {
            connection_->publish(one.topic, one.text,
                                 [this](const Result<void>& sent) { on_sent(sent); });
        }
    }
    void on_sent(const Result<void>& sent) {
        if (!sent) return end(sent.error());
        if (--left_ == 0) end({});
    }
    void end(std::optional<Error> error) {
        error_ = std::move(error);
        io_.stop();
    }

    const std::vector<Announcement> messages_;
    std::size_t left_;
    asio::io_context io_;
    std::shared_ptr<MqttConnection> connection_;
    std::optional<Error> error_;
};

}  // namespace

Result<void> announce(const BrokerConfig& broker, const std::vector<Announcement>& messages,
                      Milliseconds patience) {
    if (messages.empty()) return {};
    return Announcing(broker, messages).run(patience);
}

}  // namespace remote_access
