// SPDX-License-Identifier: Apache-2.0
// The HTTP upgrade: our request as text, and the cloud's answer from bytes to a decision. Pure, no
// descriptor and no clock. What it puts into an Error names neither key nor authorization, also
// when the cloud repeats them in its answer.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "config/config.hpp"

namespace remote_access {

/// `websocket_key` is the codec's. Holds both secrets.
Secret upgrade_request(const HostPort& cloud, const Secret& key, const Secret& authorization,
                       std::string_view websocket_key);

/// Why there is no WebSocket, and whether another attempt may help.
struct Refusal {
    enum class Next { kGiveUp, kAgain, kAgainWithFreshToken };
    Error error;
    Next next = Next::kGiveUp;
};

/// Collects the answer as it arrives, in pieces of any size.
class UpgradeAnswer {
public:
    enum class State {
        kMore,      ///< feed on
        kUpgraded,  ///< accept() is to be checked by the codec, rest() are its first bytes
        kRefused,   ///< refusal() says why; feeding on may complete the body for the reason
        kComplete   ///< refused, and nothing more to come
    };

    UpgradeAnswer(std::string cloud, Secret key, Secret authorization);

    State feed(std::string_view bytes);
    /// The connection ended, or patience did. Still kMore: there was no whole head.
    State end();

    const std::string& accept() const { return accept_; }
    std::string_view rest() const { return std::string_view(text_).substr(head_size_); }
    Refusal refusal() const;

private:
    State refuse(std::string why);
    State read_head();
    State read_status_line(std::string_view line);
    State read_field(std::string_view line);
    State check_upgrade();
    bool body_complete() const;
    std::string body() const;
    std::string without_secrets(std::string text) const;

    std::string cloud_;
    Secret key_, authorization_;
    std::string text_;
    std::size_t searched_ = 0, head_size_ = 0;  // head_size_ 0: not complete yet
    State state_ = State::kMore;
    std::string malformed_;
    int status_ = 0;
    bool http_1_1_ = false, upgrade_ = false, connection_ = false;
    bool chunked_ = false, encoded_ = false;
    std::size_t content_length_ = std::string::npos;
    std::string status_text_, accept_;
};

}  // namespace remote_access
