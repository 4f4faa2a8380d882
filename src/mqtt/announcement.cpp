// SPDX-License-Identifier: Apache-2.0
#include "mqtt/announcement.hpp"

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "mqtt/connection.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kDisconnect{200};

// Callbacks hold `this` only: the loop runs inside run(), and nothing is called after it.
class Announcing {
public:
    Announcing(const BrokerConfig& broker, const std::vector<Announcement>& messages,
               std::optional<Care> care)
        : messages_(messages),
          care_(std::move(care)),
          left_(messages.size()),
          timer_(io_),
          connection_(std::make_shared<MqttConnection>(io_, broker)),
          error_(Error{Fault::kBroker, broker.address.text(), "no answer in time"}) {}

    Result<void> run(Milliseconds patience) {
        MqttConnection::Handlers handlers;
        handlers.on_up = [this] { care_ ? look_for_listener() : publish(); };
        handlers.on_message = [this](const std::string& topic, const std::string& payload) {
            if (!payload.empty() && is_of_listener(topic)) on_listener();
        };
        handlers.on_down = [this](Error error) { end(std::move(error)); };
        connection_->start(std::move(handlers));
        // What is awaited is on Paho's threads, not in the loop.
        const auto keep_running = asio::make_work_guard(io_);
        io_.run_for(patience);
        connection_->stop(kDisconnect);
        return error_ ? Result<void>(*error_) : Result<void>();
    }

private:
    void look_for_listener() {
        connection_->subscribe(care_->listeners, [](const Result<void>&) {});
        end_after_patience("no bridge to the cloud has come up yet");
    }
    bool is_of_listener(const std::string& topic) const {
        const auto ends_with = [&topic](const std::string& end) {
            return topic.size() >= end.size() &&
                   topic.compare(topic.size() - end.size(), end.size(), end) == 0;
        };
        return std::any_of(care_->listener.begin(), care_->listener.end(), ends_with);
    }
    void on_listener() {
        if (listened_) return;
        listened_ = true;
        const Result<void> allowed = care_->now();
        if (!allowed) return end(allowed.error());
        end_after_patience("no answer in time");
        publish();
    }
    void end_after_patience(const char* why) {
        error_->detail = why;
        timer_.expires_after(care_->patience);
        timer_.async_wait([this](const asio::error_code& error) {
            if (!error) io_.stop();
        });
    }
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
    const std::optional<Care> care_;
    std::size_t left_;
    bool listened_ = false;
    asio::io_context io_;
    asio::steady_timer timer_;
    std::shared_ptr<MqttConnection> connection_;
    std::optional<Error> error_;
};

}  // namespace

Result<void> announce(const BrokerConfig& broker, const std::vector<Announcement>& messages,
                      Milliseconds patience) {
    if (messages.empty()) return {};
    return Announcing(broker, messages, {}).run(patience);
}

Result<void> announce_with_care(const BrokerConfig& broker, const Announcement& message,
                                Milliseconds patience, Care care) {
    return Announcing(broker, {message}, std::move(care)).run(patience);
}

}  // namespace remote_access
