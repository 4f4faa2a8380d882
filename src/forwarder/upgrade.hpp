// SPDX-License-Identifier: Apache-2.0
// The HTTP upgrade: our request as text, and the cloud's answer from bytes to a decision. Pure, no
// descriptor and no clock. What it puts into an Error names neither key nor authorization, also
// when the cloud repeats them in its answer.
#pragma once

#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "config/config.hpp"
#include "forwarder/hidden.hpp"
#include "forwarder/http_head.hpp"
#include "forwarder/refusal.hpp"

namespace remote_access {

/// `websocket_key` is the codec's. Holds both secrets.
Secret upgrade_request(const HostPort& cloud, const Secret& key, const Secret& authorization,
                       std::string_view websocket_key);

/// Collects the answer as it arrives, in pieces of any size.
class UpgradeAnswer {
public:
    enum class State {
        kMore,      ///< feed on
        kUpgraded,  ///< accept() is to be checked by the codec, rest() are its first bytes
        kRefused,   ///< refusal() says why; feeding on may complete the body for the reason
        kComplete   ///< refused, and nothing more to come
    };

    /// `cloud` as errors name it.
    UpgradeAnswer(std::string cloud, const Secret& key, const Secret& authorization);

    State feed(std::string_view bytes);
    /// The connection ended, or patience did. Still kMore: there was no whole head.
    State end();

    const std::string& accept() const { return accept_; }
    std::string_view rest() const { return head_.rest(); }
    Refusal refusal() const;

private:
    State refuse(std::string why);
    State read_head();
    State read_field(const HttpField& field);
    State check_upgrade();
    bool body_complete() const;
    std::string body() const;

    std::string cloud_;
    Hidden hidden_;
    HttpHead head_;
    State state_ = State::kMore;
    std::string malformed_;
    bool upgrade_ = false, connection_ = false;
    bool chunked_ = false, encoded_ = false;
    std::size_t content_length_ = std::string::npos;
    std::string accept_;
};

}  // namespace remote_access
