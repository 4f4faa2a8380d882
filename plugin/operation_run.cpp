// SPDX-License-Identifier: Apache-2.0
#include "operation_run.hpp"

#include "base/log.hpp"
#include "orphans.hpp"

namespace remote_access {
namespace {

constexpr int kDone = 0, kFailed = 1, kNotPublished = 3;

/// What the session may take beyond limits.connect before the plugin stops believing in it.
constexpr Milliseconds kSessionMargin{3'000};
constexpr Milliseconds kApproval{30'000};
constexpr Milliseconds kTokenRepeat{5'000};
constexpr Milliseconds kTokenFirst{30};
/// A broker that was never there gets this long for the final status; one that was gets as long
/// as the operation.
constexpr Milliseconds kBrokerPatience{3'000};
/// For the acknowledgement of what is under way when the process is stopped.
constexpr Milliseconds kAnswerPatience{500};
constexpr Milliseconds kDisconnect{100};

Milliseconds session_patience(const Config& config) {
    const Milliseconds approval = config.owner.approve.empty() ? Milliseconds(0) : kApproval;
    return config.owner.limits.connect + approval + kSessionMargin;
}

}  // namespace

OperationRun::OperationRun(const Config& config, OperationId operation, Fd window)
    : config_(config),
      broker_(std::make_shared<MqttConnection>(io_, config.broker)),
      stop_signal_(std::make_shared<StopSignal>(io_)),
      window_(std::move(window)),
      deadline_(io_),
      patience_(io_),
      token_timer_(io_),
      reporting_timer_(io_) {
    reporter_ = std::make_shared<StatusReporter>(io_, *broker_, config.cloud.topic_prefix,
                                                 std::move(operation), window_.get(), false);
}

int OperationRun::serve(Fd session, message::Order order) {
    session_ = std::make_shared<Channel>(io_, std::move(session));
    session_->start([this](Received received) { on_session_message(std::move(received)); },
                    [this] { on_session_closed(); });
    tell_session(std::move(order), window_.get());
    deadline_.expires_after(session_patience(config_));
    deadline_.async_wait([this](const asio::error_code& error) {
        if (!error) on_deadline();
    });
    return run();
}

int OperationRun::report_failure(const Error& error) {
    fail(error);
    const int status = run();
    const bool begun = reporter_->is_executing() || reporter_->in_flight();
    if (status == kNotPublished && begun) leave_orphan(config_, reporter_->operation());
    return status;
}

int OperationRun::run() {
    start_broker();
    stop_signal_->start([this](const std::string&) { on_stop(); });
    const auto keep_running = asio::make_work_guard(io_);
    io_.run();
    broker_->stop(kDisconnect);
    return status_;
}

void OperationRun::start_broker() {
    MqttConnection::Handlers handlers;
    handlers.on_up = [this] { on_up(); };
    handlers.on_down = [this](const Error& error) { on_down(error); };
    handlers.on_message = [this](const std::string& topic, const std::string& payload) {
        on_mqtt_message(topic, payload);
    };
    broker_->start(std::move(handlers));
}

void OperationRun::on_up() {
    was_up_ = true;
    if (token_wanted_) ask_for_token();
    reporter_->on_up();
}

void OperationRun::on_down(const Error& error) {
    if (!broker_error_) log::warn(reason(error));
    broker_error_ = error;
    reporter_->on_down();
    if (was_up_) return;
    if (token_wanted_) {
        token_wanted_ = false;
        tell_session(message::NoToken{error});
    }
    if (outcome_) on_publish_patience();
}

// --- JWT: `<prefix>/s/uat` asks, `<prefix>/s/dat` answers (all clients of the device share it)

/// The broker takes both in their order; the answer to the first need not be awaited. QoS 0 as
/// thin-edge does: an acknowledgement would only be in the way of the answer.
void OperationRun::ask_for_token() {
    if (!token_wanted_ || !broker_->is_up()) return;
    broker_->subscribe(token_topic(config_.cloud.topic_prefix), [](const Result<void>&) {});
    broker_->send(token_request_topic(config_.cloud.topic_prefix), {});
    token_timer_.expires_after(kTokenRepeat);
    token_timer_.async_wait([this](const asio::error_code& error) {
        if (!error) ask_for_token();
    });
}

void OperationRun::on_mqtt_message(const std::string& topic, const std::string& payload) {
    if (!token_wanted_ || topic != token_topic(config_.cloud.topic_prefix)) return;
    std::optional<Secret> token = read_token(payload);
    if (!token) return;
    token_wanted_ = false;
    token_timer_.cancel();
    tell_session(message::Token{std::move(*token)});
    if (seated_) start_reporting();
}

// --- session ---

/// One that is gone shows by its closed channel, not here.
void OperationRun::tell_session(const message::Message& message, int descriptor) {
    if (!session_) return;
    const Result<void> sent = session_->send(message, descriptor);
    if (!sent) log::debug("session not reachable: " + sent.error().detail);
}

void OperationRun::on_session_message(Received received) {
    if (auto* seated = std::get_if<message::Seated>(&received.message)) {
        seat_ = std::move(seated->seat);
        on_seated();
    } else if (std::holds_alternative<message::Duplicate>(received.message)) {
        log::info("this operation is being served already: nothing to do");
        leave(kDone);
    } else if (std::holds_alternative<message::NeedToken>(received.message)) {
        token_wanted_ = true;
        if (broker_error_ && !was_up_) on_down(*broker_error_);
        ask_for_token();
    } else if (std::holds_alternative<message::Connected>(received.message)) {
        conclude({true, {}});
    } else if (const auto* failed = std::get_if<message::Failed>(&received.message)) {
        fail(failed->error);
    }
}

/// A broker that leaves Nagle on (mosquitto's default) holds the JWT back for 40 ms behind the
/// acknowledgement of EXECUTING: a JWT that comes at once goes first.
void OperationRun::on_seated() {
    seated_ = true;
    if (config_.cloud.auth == AuthMethod::kBasic) return start_reporting();
    reporting_timer_.expires_after(kTokenFirst);
    reporting_timer_.async_wait([this](const asio::error_code& error) {
        if (!error) start_reporting();
    });
}

void OperationRun::on_session_closed() {
    session_.reset();
    if (outcome_) return;
    fail({Fault::kProcess, "session", "before the session stood"});
}

void OperationRun::on_deadline() {
    if (outcome_) return;
    fail({Fault::kTimeout, config_.owner.path, format_duration(session_patience(config_))});
}

// --- status ---

void OperationRun::start_reporting() {
    if (reporting_) return;
    reporting_ = true;
    reporting_timer_.cancel();
    StatusReporter::Handlers handlers;
    using State = message::Published::State;
    handlers.before_executing = [this] {
        end_orphans(config_, reporter_->operation(), *broker_);
        tell_session(message::Published{State::kAnnounced});
    };
    handlers.on_executing = [this] {
        tell_session(message::Published{State::kExecuting});
        if (stopping_ && session_ && !outcome_) leave_it_to_session();
    };
    handlers.on_final = [this] { on_final(); };
    reporter_->start(std::move(handlers));
}

void OperationRun::fail(const Error& error) {
    log::error(reason(error));
    start_reporting();
    conclude({false, reason(error)});
}

void OperationRun::conclude(FinalStatus status) {
    if (outcome_) return;
    outcome_ = std::move(status);
    deadline_.cancel();
    reporter_->finish(*outcome_);
    const bool never = broker_error_ && !was_up_;
    const Milliseconds span = session_patience(config_) + reporter_->window_wait();
    patience_.expires_after(never ? kBrokerPatience : span);
    patience_.async_wait([this](const asio::error_code& error) {
        if (!error) on_publish_patience();
    });
}

void OperationRun::on_final() {
    using State = message::Published::State;
    tell_session(message::Published{outcome_->successful ? State::kSuccessful : State::kFailed});
    note_told(config_, seat_);  // the session may die before it hears
    if (!session_) forget_orphan(config_, reporter_->operation());
    leave(outcome_->successful ? kDone : kFailed);
}

void OperationRun::on_publish_patience() {
    const std::string cause = broker_error_ ? reason(*broker_error_) : "the broker does not answer";
    log::error("the status could not be published: " + cause);
    leave(kNotPublished);
}

/// The mapper's service is stopped, with all that it started. A session finishes the status when
/// this process is gone, and must know what is out already; without one nobody else does.
void OperationRun::on_stop() {
    stopping_ = true;
    if (session_ && !reporter_->in_flight()) return leave_it_to_session();
    patience_.expires_after(session_ ? kAnswerPatience : kBrokerPatience);
    patience_.async_wait([this](const asio::error_code& error) {
        if (!error) on_publish_patience();
    });
}

void OperationRun::leave_it_to_session() {
    log::info("the session publishes the status");
    leave(kNotPublished);
}

void OperationRun::leave(int status) {
    status_ = status;
    if (session_) session_->close();
    io_.stop();
}

}  // namespace remote_access
