// SPDX-License-Identifier: Apache-2.0
// The way through an HTTP proxy, on a connected socket: TLS with an https:// proxy, CONNECT, its
// answer. Gives the Carrier for the TLS with the cloud, or a refusal. Never waits, knows no clock.
#pragma once

#include <memory>

#include "config/config.hpp"
#include "forwarder/carrier.hpp"
#include "forwarder/proxy.hpp"
#include "forwarder/tls.hpp"

namespace remote_access {

class Passage {
public:
    enum class State { kWaiting, kOpen, kRefused };

    Passage(std::unique_ptr<Carrier> wire, const TlsContext& context, const ProxyConfig& proxy,
            const HostPort& cloud);

    /// kWaiting: again when readable (or writable while pending()).
    State advance();
    bool pending() const { return way_->pending(); }
    const Refusal& refusal() const { return refusal_; }
    /// After kOpen, once.
    std::unique_ptr<Carrier> take() { return std::move(way_); }

private:
    enum class Phase { kTls, kRequest, kAnswer, kOver };

    State handshake();
    State send_request();
    State receive();
    State refuse(Refusal refusal);
    State lost(const char* when);
    State no_answer();

    std::unique_ptr<Carrier> way_;
    TlsStream* tls_ = nullptr;  // way_ itself, with an https:// proxy
    HostPort proxy_;
    Secret request_;
    ConnectAnswer answer_;
    Refusal refusal_;
    Phase phase_ = Phase::kRequest;
};

}  // namespace remote_access
