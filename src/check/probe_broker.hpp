// SPDX-License-Identifier: Apache-2.0
// The MQTT side of a session: login at the broker, what mapper and bridge say of themselves, the
// JWT. It asks for a JWT and publishes nothing else.
#pragma once

#include <asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "base/secret.hpp"
#include "check/cure.hpp"
#include "check/loop.hpp"
#include "check/report.hpp"
#include "config/config.hpp"
#include "mqtt/connection.hpp"

namespace remote_access {

class BrokerProbe {
public:
    /// Starts threads (Paho's).
    BrokerProbe(ProbeLoop& loop, const Config& config);
    ~BrokerProbe();
    BrokerProbe(const BrokerProbe&) = delete;
    BrokerProbe& operator=(const BrokerProbe&) = delete;

    Step finish_broker(const Places& places);
    /// Only after finish_broker() was no problem.
    Step finish_mapper();
    Step finish_token(const Places& places);

    /// Once it is there: "Bearer …" is made by whoever uses it. Handed out once.
    std::optional<Secret> take_token() { return std::exchange(token_, std::nullopt); }
    bool has_token() const { return token_.has_value(); }

private:
    void on_up();
    void ask_for_token();
    void on_message(const std::string& topic, const std::string& payload);
    bool wants_token() const;

    ProbeLoop& loop_;
    const Config& config_;
    std::string mapper_topic_, bridge_topic_, mosquitto_topic_;
    std::shared_ptr<MqttConnection> connection_;
    asio::steady_timer again_;
    Clock::time_point started_, asked_;
    Outcome<Result<void>> login_;
    std::optional<std::string> mapper_, bridge_;  // their health: "up", "down"
    Outcome<bool> token_came_;
    std::optional<Secret> token_;
};

}  // namespace remote_access
