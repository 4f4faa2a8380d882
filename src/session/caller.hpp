// SPDX-License-Identifier: Apache-2.0
// The session's side of the plugin that ordered it: hears its tokens, tells it the outcome, and
// when it goes away before the final status is published, publishes that itself. So some process
// always finishes the status.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "config/config.hpp"
#include "mqtt/connection.hpp"
#include "mqtt/reporter.hpp"
#include "session/channel.hpp"
#include "session/seat_file.hpp"

namespace remote_access {

class Caller : public std::enable_shared_from_this<Caller> {
public:
    struct Handlers {
        std::function<void(Secret jwt)> on_token;
        std::function<void(Error)> on_no_token;
        /// The plugin published FAILED on its own (its deadline), or is gone and nobody can ask
        /// for a JWT any more: the session must end.
        std::function<void(Error)> on_given_up;
        /// EXECUTING is about to be published, or the final status is acknowledged.
        std::function<void(Reported)> on_reported;
        /// The final status is out, or nobody can publish it: nothing more to do here.
        std::function<void()> on_settled;
    };

    Caller(asio::io_context& io, Fd channel, Fd window, const Config& config,
           OperationId operation);

    void start(Handlers handlers);
    void need_token();
    void connected();
    void failed(const Error& error);
    /// This process was told to end: what can be said of the status is said within seconds.
    void hurry();
    bool settled() const { return settled_; }

private:
    void on_message(Received received);
    void on_closed();
    void take_over();
    void wait_at_most(Milliseconds span);
    void on_broker_down(const Error& error);
    void settle();
    void tell(const message::Message& message);

    asio::io_context& io_;
    std::shared_ptr<Channel> channel_;
    Fd window_;
    BrokerConfig broker_;
    std::string prefix_;
    OperationId operation_;
    Handlers handlers_;
    bool executing_published_ = false;
    bool token_awaited_ = false;
    bool gone_ = false;
    bool settled_ = false;
    bool broker_missed_ = false;
    bool hurried_ = false;
    std::optional<FinalStatus> outcome_;
    std::shared_ptr<MqttConnection> connection_;
    std::shared_ptr<StatusReporter> reporter_;
    asio::steady_timer patience_;
};

}  // namespace remote_access
