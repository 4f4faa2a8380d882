// SPDX-License-Identifier: Apache-2.0
// One operation's status: EXECUTING, then exactly one final status, each acknowledged by the broker
// before the next. SmartREST moves the oldest operation of that name, so a by-name reporter does it
// all inside the status window, a lock that one process of this device has at a time.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/time.hpp"
#include "mqtt/connection.hpp"
#include "mqtt/status.hpp"

namespace remote_access {

class StatusReporter : public std::enable_shared_from_this<StatusReporter> {
public:
    struct Handlers {
        /// Just before EXECUTING is published, inside the window: what has to be put right first.
        std::function<void()> before_executing;
        std::function<void()> on_executing;
        std::function<void()> on_final;
    };

    /// `window`: the lock file's descriptor, for a by-name operation; invalid: reports without.
    /// `already_executing`: another process has published that before it died.
    StatusReporter(asio::io_context& io, MqttConnection& connection, std::string prefix,
                   OperationId operation, int window, bool already_executing);

    void start(Handlers handlers);
    void finish(FinalStatus status);
    const OperationId& operation() const { return operation_; }
    /// Something is published and not acknowledged yet.
    bool in_flight() const { return in_flight_; }
    /// How long the window may still be another's: nothing can be published before.
    Milliseconds window_wait() const;
    /// The caller passes these on from the connection.
    void on_up() { advance(); }
    void on_down() { in_flight_ = false; }

    bool is_executing() const { return stage_ != Stage::kNew; }
    bool is_final() const { return stage_ == Stage::kFinal; }

private:
    enum class Stage { kNew, kExecuting, kFinal };

    void advance();
    bool enter_window();
    void poll_window();
    void publish(const std::string& text, Stage reached);
    void on_acknowledged(Stage reached);
    void leave_window();

    MqttConnection& connection_;
    std::string prefix_;
    OperationId operation_;
    int window_;
    bool in_window_ = false;
    bool in_flight_ = false;
    bool started_ = false;
    Stage stage_;
    std::optional<FinalStatus> final_;
    std::optional<Deadline> window_patience_;
    asio::steady_timer window_timer_;
    asio::steady_timer hold_timer_;
    Handlers handlers_;
};

}  // namespace remote_access
