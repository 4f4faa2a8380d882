// SPDX-License-Identifier: Apache-2.0
#include "forwarder/attempt.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.hpp"
#include "forwarder/wire.hpp"

namespace remote_access {
namespace {

/// How long the body of a refusal is awaited for the reason.
constexpr Milliseconds kBodyPatience{500};

}  // namespace

Attempt::Attempt(asio::io_context& io, Fd socket, const TlsContext& context, HostPort cloud,
                 const ProxyConfig& proxy)
    : context_(context),
      cloud_(std::move(cloud)),
      where_(way_to(cloud_, proxy)),
      watch_(std::make_shared<Watch>(io, std::move(socket))),
      body_timer_(io) {
    auto wire = std::make_unique<Wire>(watch_->descriptor());
    if (proxy.used) {
        passage_ = std::make_unique<Passage>(std::move(wire), context_, proxy, cloud_);
        phase_ = Phase::kProxy;
    } else {
        tls_ = std::make_unique<TlsStream>(context_, std::move(wire), TlsPeer{cloud_});
    }
}

void Attempt::start(OnOutcome on_outcome, std::function<void()> on_passed) {
    on_outcome_ = std::move(on_outcome);
    on_passed_ = std::move(on_passed);
    watch_->on_ready([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->advance();
    });
    advance();
}

void Attempt::cancel() {
    phase_ = Phase::kOver;
    body_timer_.cancel();
    watch_->close();
    on_outcome_ = nullptr;
}

void Attempt::advance() {
    const auto self = shared_from_this();  // an outcome may drop the last other owner
    if (phase_ == Phase::kProxy) pass_proxy();
    if (phase_ == Phase::kTls) handshake();
    if (phase_ == Phase::kRequest) send_request();
    if (phase_ == Phase::kAnswer || phase_ == Phase::kBody) receive();
}

void Attempt::pass_proxy() {
    const Passage::State state = passage_->advance();
    if (state == Passage::State::kWaiting) return watch_->want(true, passage_->pending());
    if (state == Passage::State::kRefused) return refuse(passage_->refusal());
    tls_ = std::make_unique<TlsStream>(context_, passage_->take(), TlsPeer{cloud_});
    passage_.reset();  // it holds the proxy's login
    phase_ = Phase::kTls;
    on_passed_();
}

void Attempt::handshake() {
    const Transfer done = tls_->handshake();
    if (!done.blocked() && log::level() >= log::Level::kDebug)
        log::debug(std::string(kCertificateLine) + tls_->certificate());
    if (done.moved()) {
        log::debug(std::string(kTlsLine) + tls_->description());
        phase_ = request_.empty() ? Phase::kReady : Phase::kRequest;
        return;
    }
    if (done.blocked()) return watch_->want(true, tls_->pending());
    if (done.state == Transfer::State::kEnded) return lost("during the TLS handshake");
    Error error = tls_->handshake_error();
    error.subject = where_;
    refuse({std::move(error)});
}

void Attempt::request(const Secret& key, const Secret& authorization) {
    request_ = upgrade_request(cloud_, key, authorization, codec_.key());
    answer_ = std::make_unique<UpgradeAnswer>(where_, key, authorization);
    if (phase_ != Phase::kReady) return;
    phase_ = Phase::kRequest;
    advance();
}

void Attempt::send_request() {
    std::string_view rest = request_.reveal();
    while (!rest.empty()) {  // a JWT may be longer than a record; nothing else is in the buffer
        const std::size_t part = std::min(rest.size(), tls_->room());
        if (part == 0 || !tls_->write(reinterpret_cast<const std::uint8_t*>(rest.data()), part))
            return lost("before it took the upgrade request");
        rest.remove_prefix(part);
    }
    request_ = Secret();
    phase_ = Phase::kAnswer;
    if (tls_->flush().state == Transfer::State::kFailed)
        log::debug("the cloud closed its connection while the upgrade request was sent");
}

void Attempt::receive() {
    std::array<std::uint8_t, 4096> buffer;
    while (tls_ && (phase_ == Phase::kAnswer || phase_ == Phase::kBody)) {
        const Transfer got = tls_->read(buffer.data(), buffer.size());
        if (got.moved()) {
            on_answer(answer_->feed({reinterpret_cast<const char*>(buffer.data()), got.bytes}));
        } else if (got.blocked()) {
            if (tls_->pending()) tls_->flush();
            return watch_->want(true, tls_->pending());
        } else {
            on_answer(answer_->end());
            if (phase_ == Phase::kAnswer) no_answer();
        }
    }
}

void Attempt::on_answer(UpgradeAnswer::State state) {
    if (state == UpgradeAnswer::State::kUpgraded) return open();
    if (state == UpgradeAnswer::State::kComplete) return refuse(answer_->refusal());
    if (state != UpgradeAnswer::State::kRefused || phase_ == Phase::kBody) return;
    phase_ = Phase::kBody;
    body_timer_.expires_after(kBodyPatience);
    body_timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        if (const auto self = weak.lock()) self->on_body_late(error);
    });
}

void Attempt::on_body_late(const asio::error_code& error) {
    if (!error && phase_ == Phase::kBody) on_answer(answer_->end());
}

void Attempt::open() {
    if (!codec_.accepts(answer_->accept()))
        return refuse({{Fault::kCloudAnswer, where_, "wrong Sec-WebSocket-Accept"}});
    std::string early(answer_->rest());
    codec_.feed(reinterpret_cast<std::uint8_t*>(early.data()), early.size());
    phase_ = Phase::kOver;
    const OnOutcome on_outcome = std::exchange(on_outcome_, nullptr);
    if (on_outcome) on_outcome(Opened{watch_, std::move(tls_), std::move(codec_)});
}

void Attempt::refuse(Refusal refusal) {
    const OnOutcome on_outcome = std::exchange(on_outcome_, nullptr);
    cancel();
    if (on_outcome) on_outcome(std::move(refusal));
}

void Attempt::lost(const char* when) {
    refuse({{Fault::kCloudClosed, where_, when}, Refusal::Next::kAgain});
}

/// In TLS 1.3 a server that wants a certificate of ours says so only now.
void Attempt::no_answer() {
    if (!tls_ || tls_->alert().empty()) return lost("without an answer to the upgrade request");
    refuse({{Fault::kCloudTls, where_, tls_->alert()}});
}

}  // namespace remote_access
