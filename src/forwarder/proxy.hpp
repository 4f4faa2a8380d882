// SPDX-License-Identifier: Apache-2.0
// The talk with an HTTP proxy: our CONNECT as text, and its answer from bytes to a decision. Pure,
// no descriptor and no clock. What it puts into an Error does not have the proxy's login, also when
// the proxy repeats it.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "config/config.hpp"
#include "forwarder/hidden.hpp"
#include "forwarder/http_head.hpp"
#include "forwarder/refusal.hpp"

namespace remote_access {

/// With Proxy-Authorization when the proxy has a login (RFC 9110 §9.3.6, RFC 7617).
Secret connect_request(const HostPort& cloud, const ProxyConfig& proxy);

/// Collects the answer as it arrives, in pieces of any size.
class ConnectAnswer {
public:
    enum class State {
        kMore,    ///< feed on
        kOpen,    ///< the next byte is the cloud's
        kRefused  ///< refusal() says why
    };

    ConnectAnswer(const HostPort& cloud, const ProxyConfig& proxy);

    State feed(std::string_view bytes);
    const Refusal& refusal() const { return refusal_; }

private:
    State decide();
    State refuse(Fault fault, std::string detail, Refusal::Next next = Refusal::Next::kGiveUp);

    std::string cloud_, proxy_;
    Hidden hidden_;
    HttpHead head_;
    State state_ = State::kMore;
    Refusal refusal_;
};

}  // namespace remote_access
