// SPDX-License-Identifier: Apache-2.0
// The broker as a caller wants it: kept connected, again after every loss, with a deadline for each
// attempt; all callbacks in the caller's loop. Used by one process for one operation.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "mqtt/client.hpp"
#include "mqtt/letter_box.hpp"

namespace remote_access {

class MqttConnection : public std::enable_shared_from_this<MqttConnection> {
public:
    struct Handlers {
        std::function<void()> on_up;         ///< after each successful connect
        std::function<void(Error)> on_down;  ///< an attempt failed, or the connection was lost
        MqttClient::OnMessage on_message;
    };

    MqttConnection(asio::io_context& io, BrokerConfig broker);
    /// Afterwards Paho's threads, which go on, do not touch the loop: it may go.
    ~MqttConnection() { letter_box_->close(); }
    MqttConnection(const MqttConnection&) = delete;
    MqttConnection& operator=(const MqttConnection&) = delete;

    void start(Handlers handlers);
    bool is_up() const { return up_; }
    void subscribe(const std::string& topic, const MqttClient::OnResult& on_done);
    /// QoS 1, only while is_up(). When the connection is lost first, on_down comes and no result.
    void publish(const std::string& topic, std::string_view payload,
                 const MqttClient::OnResult& on_done);
    /// QoS 0: nobody learns whether it arrived.
    void send(const std::string& topic, std::string_view payload);
    /// DISCONNECT, waiting at most so long; no callback comes afterwards.
    void stop(Milliseconds at_most);

private:
    void attempt();
    void on_result(const Result<void>& result);
    void on_attempt_deadline();
    void lose(Error error);
    void wait(Milliseconds span, void (MqttConnection::*then)());

    const std::shared_ptr<LetterBox> letter_box_;
    BrokerConfig broker_;
    Handlers handlers_;
    std::optional<MqttClient> client_;
    asio::steady_timer timer_;
    bool up_ = false;
    bool stopped_ = false;
};

}  // namespace remote_access
