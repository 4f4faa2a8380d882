// SPDX-License-Identifier: Apache-2.0
#include "forwarder/passage.hpp"

#include <array>
#include <utility>

#include "base/log.hpp"

namespace remote_access {

Passage::Passage(std::unique_ptr<Carrier> wire, const TlsContext& context, const ProxyConfig& proxy,
                 const HostPort& cloud)
    : way_(std::move(wire)),
      proxy_(proxy.address),
      request_(connect_request(cloud, proxy)),
      answer_(cloud, proxy) {
    if (!proxy.tls) return;
    const TlsPeer peer{proxy.address, Fault::kProxyUntrusted, Fault::kProxyTls};
    auto tls = std::make_unique<TlsStream>(context, std::move(way_), peer);
    tls_ = tls.get();
    way_ = std::move(tls);
    phase_ = Phase::kTls;
}

Passage::State Passage::advance() {
    State state = State::kWaiting;
    if (phase_ == Phase::kTls) state = handshake();
    if (phase_ == Phase::kRequest) state = send_request();
    if (phase_ == Phase::kAnswer) state = receive();
    return state;
}

Passage::State Passage::handshake() {
    const Transfer done = tls_->handshake();
    if (done.blocked()) return State::kWaiting;
    if (done.state == Transfer::State::kEnded) return lost("during the TLS handshake");
    if (!done.moved()) return refuse({tls_->handshake_error()});
    log::debug("TLS with the proxy: " + tls_->description());
    phase_ = Phase::kRequest;
    return State::kWaiting;
}

Passage::State Passage::send_request() {
    const std::string_view text = request_.reveal();
    if (way_->gather(text.data(), text.size()) != text.size())
        return lost("before it took the CONNECT request");
    request_ = Secret();
    phase_ = Phase::kAnswer;
    way_->flush();  // a failure shows when the answer is read
    return State::kWaiting;
}

Passage::State Passage::receive() {
    std::array<char, 4096> buffer;
    while (true) {
        const Transfer got = way_->receive(buffer.data(), buffer.size());
        if (got.blocked()) {
            if (way_->pending()) way_->flush();
            return State::kWaiting;
        }
        if (!got.moved()) return no_answer();
        const ConnectAnswer::State state = answer_.feed({buffer.data(), got.bytes});
        if (state == ConnectAnswer::State::kRefused) return refuse(answer_.refusal());
        if (state == ConnectAnswer::State::kMore) continue;
        phase_ = Phase::kOver;
        return State::kOpen;
    }
}

Passage::State Passage::refuse(Refusal refusal) {
    phase_ = Phase::kOver;
    refusal_ = std::move(refusal);
    return State::kRefused;
}

Passage::State Passage::lost(const char* when) {
    return refuse({{Fault::kProxyClosed, proxy_.text(), when}, Refusal::Next::kAgain});
}

/// In TLS 1.3 a proxy that wants a certificate of ours says so only now.
Passage::State Passage::no_answer() {
    if (tls_ == nullptr || tls_->alert().empty()) return lost("without an answer to CONNECT");
    return refuse({{Fault::kProxyTls, proxy_.text(), tls_->alert()}});
}

}  // namespace remote_access
