// SPDX-License-Identifier: Apache-2.0
#include "check/probe_broker.hpp"

#include <utility>

#include "base/json.hpp"
#include "mqtt/status.hpp"

namespace remote_access {
namespace {

constexpr const char* kBroker = "broker";
constexpr const char* kMapper = "mapper";
constexpr const char* kLogin = "login";
constexpr Milliseconds kRepeat{5'000};  // as the plugin
constexpr Milliseconds kHealth{1'000};  // retained, so it comes with the subscription
constexpr Milliseconds kDisconnect{100};

/// thin-edge's services of the main device: te/device/main/service/NAME/status/health.
std::string health_topic(const Config& config, const std::string& service) {
    const std::string& id = config.device_topic_id;  // "device/main//"
    const std::size_t first = id.find('/');
    const std::string device = id.substr(0, id.find('/', first + 1));
    return config.topic_root + "/" + device + "/service/" + service + "/status/health";
}

/// {"status":"up",…}, or mosquitto's 1 and 0 of its bridge.
std::string health_of(const std::string& payload) {
    if (payload == "1") return "up";
    if (payload == "0") return "down";
    const Result<json::Value> value = json::parse(payload);
    return value ? printable(value->text_at("status"), 20) : std::string();
}

}  // namespace

// Callbacks hold `this` only: they come inside await(), which the probe outlives.

BrokerProbe::BrokerProbe(ProbeLoop& loop, const Config& config)
    : loop_(loop),
      config_(config),
      mapper_topic_(health_topic(config, "tedge-mapper-" + config.cloud.topic_prefix)),
      bridge_topic_(health_topic(config, "tedge-mapper-bridge-" + config.cloud.topic_prefix)),
      mosquitto_topic_(health_topic(config, "mosquitto-" + config.cloud.topic_prefix + "-bridge")),
      connection_(std::make_shared<MqttConnection>(loop.io(), config.broker)),
      again_(loop.io()),
      started_(Clock::now()),
      asked_(started_) {
    MqttConnection::Handlers handlers;
    handlers.on_up = [this] { on_up(); };
    handlers.on_down = [this](Error error) { login_.set(std::move(error), started_); };
    handlers.on_message = [this](const std::string& topic, const std::string& payload) {
        on_message(topic, payload);
    };
    connection_->start(std::move(handlers));
}

BrokerProbe::~BrokerProbe() { connection_->stop(kDisconnect); }

bool BrokerProbe::wants_token() const { return config_.cloud.auth == AuthMethod::kCertificate; }

void BrokerProbe::on_up() {
    login_.set({}, started_);
    const auto ignored = [](const Result<void>&) {};
    if (wants_token()) connection_->subscribe(token_topic(config_.cloud.topic_prefix), ignored);
    // The mapper's last: when it has come, the others have.
    for (const std::string& topic : {bridge_topic_, mosquitto_topic_, mapper_topic_})
        connection_->subscribe(topic, ignored);
    asked_ = Clock::now();
    ask_for_token();
}

void BrokerProbe::ask_for_token() {
    if (!wants_token() || token_came_ || !connection_->is_up()) return;
    connection_->send(token_request_topic(config_.cloud.topic_prefix), {});
    again_.expires_after(kRepeat);
    again_.async_wait([this](const asio::error_code& error) {
        if (!error) ask_for_token();
    });
}

void BrokerProbe::on_message(const std::string& topic, const std::string& payload) {
    if (topic == mapper_topic_) mapper_ = health_of(payload);
    if (topic == bridge_topic_ || topic == mosquitto_topic_) bridge_ = health_of(payload);
    if (topic != token_topic(config_.cloud.topic_prefix) || token_came_) return;
    token_ = read_token(payload);
    if (!token_) return;
    token_came_.set(true, asked_);
}

Step BrokerProbe::finish_broker(const Places& places) {
    const std::string where = config_.broker.address.text();
    if (!loop_.await([this] { return static_cast<bool>(login_); }))
        login_.set(
            Error{Fault::kBroker, where, "no answer within " + format_duration(loop_.patience())},
            started_);
    const Result<void>& login = *login_.value;
    Step step = login ? ok(kBroker, where) : problem(kBroker, login.error(), places);
    step.took = login_.took;
    return step;
}

Step BrokerProbe::finish_mapper() {
    loop_.await([this] { return mapper_.has_value(); }, kHealth);
    const std::string name = "tedge-mapper-" + config_.cloud.topic_prefix;
    const std::string connect = "tedge connect c8y";
    if (bridge_ == "down")
        return problem(kMapper, "the bridge to Cumulocity is down: no operation comes",
                       "See `" + connect + " --test`; `tedge reconnect c8y` sets it up again.");
    if (!mapper_)
        return warning(kMapper, name + " says nothing of its health at " + mapper_topic_,
                       "Is it running? Run `" + connect + "`, then see `systemctl status " +
                           "tedge-mapper-c8y`.");
    if (*mapper_ != "up")
        return problem(kMapper,
                       name + " says that it is " + (*mapper_ == "down" ? "down" : "not up") +
                           ": no operation is passed on",
                       "Run `systemctl restart tedge-mapper-c8y`, or `" + connect + "`.");
    return ok(kMapper, name + " is up");
}

Step BrokerProbe::finish_token(const Places& places) {
    if (!loop_.await([this] { return static_cast<bool>(token_came_); })) {
        const std::string span = format_duration(loop_.patience());
        const Error error{
            Fault::kToken,
            {},
            "no answer on " + token_topic(config_.cloud.topic_prefix) + " within " + span};
        Step step = problem(kLogin, error, places);
        step.took = std::chrono::duration_cast<Milliseconds>(Clock::now() - asked_);
        return step;
    }
    Step step = ok(kLogin, "a JWT from the cloud");
    step.took = token_came_.took;
    return step;
}

}  // namespace remote_access
