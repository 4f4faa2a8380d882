// SPDX-License-Identifier: Apache-2.0
#include "forwarder/forwarder.hpp"

#include <malloc.h>

#include <asio/io_context.hpp>
#include <memory>
#include <variant>

#include "base/log.hpp"
#include "base/memory.hpp"
#include "forwarder/attempt.hpp"
#include "forwarder/tls.hpp"
#include "forwarder/trust.hpp"
#include "forwarder/tunnel.hpp"
#include "sandbox/sandbox.hpp"
#include "session/channel.hpp"
#include "session/messages.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {
namespace {

constexpr std::uint16_t kGoingAway = 1001;

class Forwarder : public std::enable_shared_from_this<Forwarder> {
public:
    Forwarder(asio::io_context& io, Fd channel, ForwarderOrder order, Counters& counters);
    void start();

private:
    void on_message(Received received);
    void on_cloud(Fd socket);
    void on_target(Fd socket);
    void on_token(Secret jwt);
    void on_stop(const message::Stop& stop);
    void on_channel_closed();
    void on_signal();
    void request_if_ready();
    void on_outcome(Attempt::Outcome outcome);
    void on_refused(Refusal refusal);
    void on_opened(Attempt::Opened opened);
    void on_over(const message::Ended& ended);
    void free_what_only_connecting_needs();
    bool confined(const Result<void>& done);
    void leave();
    void tell(const message::Message& message);

    asio::io_context& io_;
    std::shared_ptr<Channel> channel_;
    std::shared_ptr<StopSignal> stop_signal_;
    ForwarderOrder order_;
    ForwarderSandbox sandbox_;
    Counters& counters_;
    std::unique_ptr<TlsContext> tls_;
    std::shared_ptr<Attempt> attempt_;
    bool locked_in_ = false;   // else no foreign byte is read
    bool requested_ = false;   // by the attempt under way
    bool token_came_ = false;  // as a message
    Fd target_;
    std::shared_ptr<Tunnel> tunnel_;
};

Forwarder::Forwarder(asio::io_context& io, Fd channel, ForwarderOrder order, Counters& counters)
    : io_(io),
      channel_(std::make_shared<Channel>(io, std::move(channel))),
      stop_signal_(std::make_shared<StopSignal>(io)),
      order_(std::move(order)),
      sandbox_(order_.sandbox, order_.user, order_.group),
      counters_(counters) {}

void Forwarder::start() {
    log::set_sink([weak = std::weak_ptr<Channel>(channel_)](log::Level level, const auto& line) {
        if (const auto channel = weak.lock()) (void)channel->send(message::Log{level, line});
    });
    log::set_prefix({});  // the session puts its own before our lines
    stop_signal_->start([weak = weak_from_this()](const std::string&) {
        if (const auto self = weak.lock()) self->on_signal();
    });
    // While the session resolves and connects. No message, so no socket, is taken before.
    tls_ = std::make_unique<TlsContext>(order_.root_cert_paths);
    const Result<void> locked = sandbox_.confine_handshake(lookup_places(tls_->lookup_folders()));
    locked_in_ = locked.ok();
    if (!locked) tell(message::Failed{locked.error()});  // and waits for the session to say stop
    channel_->start(
        [weak = weak_from_this()](Received received) {
            if (const auto self = weak.lock()) self->on_message(std::move(received));
        },
        [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->on_channel_closed();
        });
}

void Forwarder::on_message(Received received) {
    if (const auto* stop = std::get_if<message::Stop>(&received.message)) return on_stop(*stop);
    if (!locked_in_) return;
    if (std::holds_alternative<message::Cloud>(received.message)) {
        on_cloud(std::move(received.descriptor));
    } else if (std::holds_alternative<message::Target>(received.message)) {
        on_target(std::move(received.descriptor));
    } else if (auto* token = std::get_if<message::Token>(&received.message)) {
        on_token(std::move(token->jwt));
    }  // nothing else is for us
}

void Forwarder::on_cloud(Fd socket) {
    if (!socket || tunnel_) return;
    if (attempt_) attempt_->cancel();
    requested_ = false;
    attempt_ = std::make_shared<Attempt>(io_, std::move(socket), *tls_, order_.cloud, order_.proxy);
    attempt_->start(
        [weak = weak_from_this()](Attempt::Outcome outcome) {
            if (const auto self = weak.lock()) self->on_outcome(std::move(outcome));
        },
        [weak = weak_from_this()] {
            if (const auto self = weak.lock()) self->tell(message::Passed{});
        });
    request_if_ready();
}

void Forwarder::on_target(Fd socket) {
    if (tunnel_) return;
    target_ = std::move(socket);
    request_if_ready();
}

void Forwarder::on_token(Secret jwt) {
    if (tunnel_) return;
    std::string header = "Bearer " + std::string(jwt.reveal());
    order_.authorization.emplace(header);
    token_came_ = true;
    wipe(header);
    request_if_ready();
}

/// With the request goes the key, which may be good for one use: only when the target stands.
void Forwarder::request_if_ready() {
    if (!attempt_ || requested_ || !target_ || !order_.authorization.has_value()) return;
    requested_ = true;
    attempt_->request(order_.key, *order_.authorization);
}

void Forwarder::on_outcome(Attempt::Outcome outcome) {
    attempt_.reset();
    if (auto* refusal = std::get_if<Refusal>(&outcome)) return on_refused(std::move(*refusal));
    on_opened(std::get<Attempt::Opened>(std::move(outcome)));
}

void Forwarder::on_refused(Refusal refusal) {
    if (refusal.next == Refusal::Next::kGiveUp) {
        tell(message::Failed{std::move(refusal.error)});
        return;
    }
    const bool fresh_token = refusal.next == Refusal::Next::kAgainWithFreshToken;
    if (fresh_token && token_came_) order_.authorization.reset();  // Basic stays what it is
    tell(message::NeedCloud{std::move(refusal.error), fresh_token});
}

void Forwarder::on_opened(Attempt::Opened opened) {
    tunnel_ = std::make_shared<Tunnel>(io_, std::move(opened), std::move(target_), counters_,
                                       order_.keepalive, order_.drain);
    free_what_only_connecting_needs();
    if (!confined(sandbox_.confine_pump())) return;
    tell(message::Connected{});
    forget_stack();
    ::malloc_trim(0);  // of the trust, the order and the making of filters
    tunnel_->start([weak = weak_from_this()](const message::Ended& ended) {
        if (const auto self = weak.lock()) self->on_over(ended);
    });
}

bool Forwarder::confined(const Result<void>& done) {
    if (done) return true;
    tell(message::Failed{done.error()});
    leave();
    return false;
}

void Forwarder::free_what_only_connecting_needs() {
    tls_->forget_trust();
    order_ = ForwarderOrder{};
}

void Forwarder::on_over(const message::Ended& ended) {
    tell(ended);
    leave();
}

void Forwarder::on_stop(const message::Stop& stop) {
    if (tunnel_) return tunnel_->stop(stop.code, stop.text);
    leave();
}

void Forwarder::on_channel_closed() {
    if (tunnel_) return tunnel_->stop(kGoingAway, "the session has ended");
    leave();
}

/// Not only the session may be told to end: a control group is stopped process by process.
void Forwarder::on_signal() {
    if (tunnel_) return tunnel_->stop(kGoingAway, "stopped on the device");
    tell(message::Failed{stopped_error()});
    leave();
}

void Forwarder::leave() {
    if (attempt_) attempt_->cancel();
    channel_->close();
    io_.stop();
}

void Forwarder::tell(const message::Message& message) {
    // A session that does not listen any more is noticed when the channel closes.
    (void)channel_->send(message);
}

}  // namespace

int run_forwarder(Fd channel, ForwarderOrder order, Counters& counters) {
    asio::io_context io(1);
    const auto forwarder =
        std::make_shared<Forwarder>(io, std::move(channel), std::move(order), counters);
    forwarder->start();
    io.run();
    return 0;
}

}  // namespace remote_access
