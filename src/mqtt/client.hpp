// SPDX-License-Identifier: Apache-2.0
// Paho MQTT behind a plain interface: one attempt to be connected to the broker. Its threads start
// at connect() and never call us: what they have to say is handed to `post`, which must bring it to
// the caller's loop. Paho's own waits are not trusted (a silent broker holds its connect for 12 s
// and its destructor may hang): deadlines are the caller's, and a client is abandoned, never
// destroyed, because its process is short-lived.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "config/config.hpp"

namespace remote_access {

class MqttClient {
public:
    using Post = std::function<void(std::function<void()>)>;
    using OnResult = std::function<void(Result<void>)>;
    using OnMessage = std::function<void(const std::string& topic, const std::string& payload)>;

    MqttClient(BrokerConfig broker, Post post);
    /// Calls that are still to come are dropped.
    ~MqttClient();
    MqttClient(const MqttClient&) = delete;
    MqttClient& operator=(const MqttClient&) = delete;

    /// Clean session, a client id of its own. `on_up` comes at most once.
    void connect(const OnResult& on_up, const OnMessage& on_message,
                 const std::function<void()>& on_lost);
    /// At QoS 0: Paho leaves Nagle on, so what is sent next would wait 40 ms behind our
    /// acknowledgement of a message.
    void subscribe(const std::string& topic, const OnResult& on_done);
    /// `on_done` when the broker has acknowledged (QoS 1), or when it is sent (QoS 0).
    void publish(const std::string& topic, std::string_view payload, int qos,
                 const OnResult& on_done);
    /// Waits at most so long for the DISCONNECT to be written.
    void disconnect(Milliseconds at_most);

private:
    struct Link;
    Result<void> prepare_tls();
    static std::string uri(const Link& link);
    std::shared_ptr<Link> link_;
};

}  // namespace remote_access
