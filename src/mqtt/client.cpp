// SPDX-License-Identifier: Apache-2.0
#include "mqtt/client.hpp"

#include <mqtt/async_client.h>
#include <poll.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <ctime>

#include "base/fd.hpp"
#include "base/secret.hpp"
#include "mqtt/broker_files.hpp"

// Paho C 1.3 waits where it need not: for its own threads with usleep(100000) in a loop that asks a
// flag (a connect to a local broker takes 11 ms or 111 ms by chance), and after a connection stands
// in a poll() of 10 ms on what else there is, before it looks. These definitions take the place of
// libc's for the whole program (the dynamic linker looks in the executable first) and wake such
// waits earlier; a short sleep or poll may always end early, whoever asked for it. A library that
// counts on the length of its usleep() must not be added unseen.
namespace {

constexpr useconds_t kLongestSleep = 1'000;
constexpr int kPahoPoll = 10;  // milliseconds

}  // namespace

extern "C" int usleep(useconds_t microseconds) {
    // Cut before it is multiplied: a long has 32 bits on armhf.
    const timespec span{0, static_cast<long>(std::min(microseconds, kLongestSleep)) * 1000};
    return ::nanosleep(&span, nullptr);
}

// Under another name in C++: <poll.h> defines an inline poll() in fortified builds.
extern "C" int quick_poll(pollfd* descriptors, nfds_t count, int timeout) __asm__("poll");
extern "C" int quick_poll(pollfd* descriptors, nfds_t count, int timeout) {
    timespec span{timeout / 1000, long{timeout % 1000} * 1'000'000};
    if (timeout > 0 && timeout <= kPahoPoll) span = {0, long{kLongestSleep} * 1000};
    return ::ppoll(descriptors, count, timeout < 0 ? nullptr : &span, nullptr);
}

namespace remote_access {
namespace {

constexpr int kKeepalive = 30;
constexpr int kPahoConnectTimeout = 5;

std::string random_client_id() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != sizeof number) number = 0;
    std::array<char, 40> id{};
    std::snprintf(id.data(), id.size(), "c8y-remote-access-%016llx",
                  static_cast<unsigned long long>(number));
    return id.data();
}

mqtt::ssl_options tls_options(const BrokerConfig& broker, const Fd& certificates) {
    // No set_error_handler() and ca_path(): Paho C++ 1.2 hands on pointers into a copy that is
    // gone.
    mqtt::ssl_options tls;
    tls.set_trust_store("/proc/self/fd/" + std::to_string(certificates.get()));
    if (!broker.cert_file.empty()) tls.set_key_store(broker.cert_file);
    if (!broker.key_file.empty()) tls.set_private_key(broker.key_file);
    tls.set_enable_server_cert_auth(true);
    tls.set_verify(true);
    return tls;
}

mqtt::connect_options connect_options(const BrokerConfig& broker) {
    mqtt::connect_options options;
    options.set_mqtt_version(MQTTVERSION_3_1_1);
    options.set_clean_session(true);
    options.set_keep_alive_interval(kKeepalive);
    options.set_connect_timeout(kPahoConnectTimeout);
    if (!broker.username.empty()) {
        options.set_user_name(broker.username);
        options.set_password(std::string(broker_password(broker).reveal()));
    }
    return options;
}

std::string words(int code, bool tls) {
    switch (code) {
        case 4:
            return "wrong mqtt.client.auth.username or password";
        case 5:
            return "not authorized (mqtt.client.auth.username and password_file)";
        case MQTTASYNC_FAILURE:
            // Paho does not tell one from the other.
            return tls ? "no TLS connection: not reachable, not trusted by ca_file and ca_dir, for "
                         "another name, or our certificate refused"
                       : "not reachable";
        default:
            return mqtt::exception::error_str(code);
    }
}

/// One action's end, on Paho's thread; removes itself.
class Listener : public mqtt::iaction_listener {
public:
    using OnEnd = std::function<void(Result<void>)>;
    Listener(std::string subject, bool tls, OnEnd on_end)
        : subject_(std::move(subject)), tls_(tls), on_end_(std::move(on_end)) {}

    void on_success(const mqtt::token&) override { end({}); }
    void on_failure(const mqtt::token& token) override {
        end(Error{Fault::kBroker, subject_, words(token.get_return_code(), tls_)});
    }

private:
    void end(const Result<void>& result) {
        on_end_(result);
        delete this;
    }
    std::string subject_;
    bool tls_;
    OnEnd on_end_;
};

}  // namespace

struct MqttClient::Link : std::enable_shared_from_this<Link> {
    BrokerConfig broker;
    Post post;
    Fd certificates;                     // of the broker's authorities; none: no TLS
    mqtt::async_client* paho = nullptr;  // abandoned, never deleted: see the header
    bool abandoned = false;              // touched only in the caller's loop

    /// Runs an action of Paho; its end comes to the caller's loop once, an exception included.
    template <class Action>
    void act(const OnResult& on_end, Action action) {
        const std::weak_ptr<Link> weak = weak_from_this();
        const auto hand_over = [weak, to_loop = post, on_end](const Result<void>& result) {
            to_loop([weak, on_end, result] {
                const auto self = weak.lock();
                if (self && !self->abandoned) on_end(result);
            });
        };
        auto* listener =
            new Listener(broker.address.text(), static_cast<bool>(certificates), hand_over);
        try {
            action(*listener);
        } catch (const std::exception& problem) {
            delete listener;
            hand_over(Error{Fault::kBroker, broker.address.text(), problem.what()});
        }
    }
};

/// With TLS an IPv6 address is without brackets: Paho would compare them with the certificate.
std::string MqttClient::uri(const Link& link) {
    const HostPort& address = link.broker.address;
    if (!link.certificates) return "tcp://" + address.text();
    return "ssl://" + address.host + ":" + std::to_string(address.port);
}

MqttClient::MqttClient(BrokerConfig broker, Post post) : link_(std::make_shared<Link>()) {
    link_->broker = std::move(broker);
    link_->post = std::move(post);
}

MqttClient::~MqttClient() { link_->abandoned = true; }

/// thin-edge's rule: TLS if there is a certificate to trust; a client certificate alone stays
/// plain TCP.
Result<void> MqttClient::prepare_tls() {
    const Result<std::string> certificates = broker_certificates(link_->broker);
    if (!certificates) return certificates.error();
    if (certificates->empty()) return {};
    Result<Fd> file = file_in_memory(*certificates);
    if (!file) return Error{Fault::kBroker, link_->broker.address.text(), file.error().detail};
    link_->certificates = std::move(*file);
    return {};
}

void MqttClient::connect(const OnResult& on_up, const OnMessage& on_message,
                         const std::function<void()>& on_lost) {
    const Result<void> prepared = prepare_tls();
    if (!prepared) {
        link_->post([weak = std::weak_ptr<Link>(link_), on_up, prepared] {
            const auto self = weak.lock();
            if (self && !self->abandoned) on_up(prepared);
        });
        return;
    }
    const std::weak_ptr<Link> weak = link_;
    const Post post = link_->post;
    link_->act(on_up, [this, weak, post, on_message, on_lost](Listener& listener) {
        const BrokerConfig& broker = link_->broker;
        link_->paho = new mqtt::async_client(uri(*link_), random_client_id());
        link_->paho->set_message_callback(
            [weak, post, on_message](const mqtt::const_message_ptr& message) {
                post([weak, on_message, message] {
                    const auto self = weak.lock();
                    if (self && !self->abandoned)
                        on_message(message->get_topic(), message->get_payload_str());
                });
            });
        link_->paho->set_connection_lost_handler([weak, post, on_lost](const std::string&) {
            post([weak, on_lost] {
                const auto self = weak.lock();
                if (self && !self->abandoned) on_lost();
            });
        });
        mqtt::connect_options options = connect_options(broker);
        if (link_->certificates) options.set_ssl(tls_options(broker, link_->certificates));
        link_->paho->connect(options, nullptr, listener);
    });
}

void MqttClient::subscribe(const std::string& topic, const OnResult& on_done) {
    link_->act(on_done, [this, &topic](Listener& listener) {
        link_->paho->subscribe(topic, 0, nullptr, listener);
    });
}

void MqttClient::publish(const std::string& topic, std::string_view payload, int qos,
                         const OnResult& on_done) {
    link_->act(on_done, [this, &topic, payload, qos](Listener& listener) {
        link_->paho->publish(topic, payload.data(), payload.size(), qos, false, nullptr, listener);
    });
}

void MqttClient::disconnect(Milliseconds at_most) {
    if (link_->paho == nullptr) return;
    try {
        link_->paho->disconnect(0)->wait_for(at_most);
    } catch (const std::exception&) {
        return;  // not connected any more
    }
}

}  // namespace remote_access
