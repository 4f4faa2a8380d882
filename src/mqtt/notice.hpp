// SPDX-License-Identifier: Apache-2.0
// One message to the broker on a connection of its own, within a bounded time.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "config/config.hpp"
#include "mqtt/connection.hpp"

namespace remote_access {

class Notice : public std::enable_shared_from_this<Notice> {
public:
    using OnDone = std::function<void(const Result<void>&)>;

    Notice(asio::io_context& io, const BrokerConfig& broker);

    /// QoS 1, not retained. `on_done` comes once: acknowledged, or why not within `at_most`. The
    /// object must live until then.
    void publish(std::string topic, std::string payload, Milliseconds at_most, OnDone on_done);

private:
    void on_up();
    void on_down(const Error& error);
    void on_deadline();
    void finish(const Result<void>& result);

    MqttConnection::Handlers handlers();

    std::shared_ptr<MqttConnection> connection_;
    asio::steady_timer deadline_;
    std::string topic_, payload_;
    OnDone on_done_;
    Error last_error_;
};

}  // namespace remote_access
