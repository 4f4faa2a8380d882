// SPDX-License-Identifier: Apache-2.0
// The plugin's event loop for one operation: MQTT and session side by side, until the final status
// is acknowledged by the broker or cannot be published.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "base/fd.hpp"
#include "config/config.hpp"
#include "mqtt/connection.hpp"
#include "mqtt/reporter.hpp"
#include "session/channel.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {

// Callbacks hold `this` only: the loop runs inside serve() and report_failure(), and nothing is
// called after it has stopped.
class OperationRun {
public:
    OperationRun(const Config& config, OperationId operation, Fd window);

    /// Gives the order to the session and reports what becomes of it. The exit status.
    int serve(Fd session, message::Order order);
    /// No session: EXECUTING and FAILED. The exit status.
    int report_failure(const Error& error);

private:
    int run();
    void start_broker();
    void on_up();
    void on_down(const Error& error);
    void on_mqtt_message(const std::string& topic, const std::string& payload);
    void ask_for_token();

    void tell_session(const message::Message& message, int descriptor = -1);
    void on_session_message(Received received);
    void on_seated();
    void on_session_closed();
    void on_deadline();

    void start_reporting();
    void fail(const Error& error);
    void conclude(FinalStatus status);
    void on_final();
    void on_publish_patience();
    void on_stop();
    void leave_it_to_session();
    void leave(int status);

    const Config& config_;
    asio::io_context io_;
    std::shared_ptr<MqttConnection> broker_;
    std::shared_ptr<StopSignal> stop_signal_;
    std::shared_ptr<StatusReporter> reporter_;
    std::shared_ptr<Channel> session_;
    Fd window_;
    asio::steady_timer deadline_;
    asio::steady_timer patience_;
    asio::steady_timer token_timer_;
    asio::steady_timer reporting_timer_;
    bool seated_ = false;
    std::string seat_;
    bool reporting_ = false;
    bool was_up_ = false;
    bool token_wanted_ = false;
    bool stopping_ = false;
    std::optional<Error> broker_error_;
    std::optional<FinalStatus> outcome_;
    int status_ = 0;
};

}  // namespace remote_access
