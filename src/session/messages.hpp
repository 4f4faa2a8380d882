// SPDX-License-Identifier: Apache-2.0
// What plugin, session and forwarder say to each other: one JSON object per datagram. Pure.
// An encoded message may hold secrets: the sender wipes it (Channel does).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/log.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "config/config.hpp"
#include "operation/request.hpp"

namespace remote_access::message {

// plugin → session
/// With it goes the descriptor of the status window (SmartREST), locked or not yet.
struct Order {
    OperationId operation;
    std::string host;
    std::uint16_t port = 0;
    Secret key;
    ConfigSource source;
    log::Level log_level = log::Level::kInfo;
};
/// What the plugin is about to publish (kAnnounced: EXECUTING), or has published and the broker
/// acknowledged.
struct Published {
    enum class State { kAnnounced, kExecuting, kSuccessful, kFailed };
    State state = State::kAnnounced;
};

// plugin → session → forwarder
struct Token {
    Secret jwt;
};
/// Instead of a token: there is none, and why.
struct NoToken {
    Error error;
};

// session → plugin
/// The operation is this session's; from now on it has a status to publish.
struct Seated {
    std::string seat;  ///< its id; empty: there could be no seat
};
/// Another session serves the same operation: publish nothing.
struct Duplicate {};

// doctor ↔ session
/// Instead of an order, and the answer to it: whether systemd starts a session that listens.
struct Check {};

// session → forwarder
/// With the descriptor of a connected TCP socket to the cloud (or proxy): one per attempt.
struct Cloud {};
/// With the descriptor of the connected TCP socket to the target: once.
struct Target {};
/// End the session: WebSocket close code (RFC 6455 §7.4.1) and text for the cloud.
struct Stop {
    std::uint16_t code = 1001;
    std::string text;
};

// forwarder → session
/// The proxy has let this attempt through: what is silent now is the cloud.
struct Passed {};
/// This attempt failed but another may succeed; with `fresh_token` a new JWT is needed as well.
struct NeedCloud {
    Error cause;
    bool fresh_token = false;
};
struct Ended {
    enum class By { kTarget, kCloud, kUs };
    By by = By::kUs;
    std::uint16_t code = 0;  ///< the cloud's close code, 1006 without a close frame; else ours
    std::string detail;
    /// What limits.drain did not suffice for: bytes that the target had not taken; whether the
    /// cloud had taken all that was sent.
    std::uint64_t target_lacks = 0;
    bool cloud_lacks = false;
};
struct Log {
    log::Level level = log::Level::kInfo;
    std::string text;
};

// both ways up: forwarder → session → plugin
struct NeedToken {};
struct Connected {};
struct Failed {
    Error error;
};

using Message =
    std::variant<Order, Published, Token, NoToken, Seated, Duplicate, Cloud, Target, Stop,
                 NeedCloud, Ended, Log, NeedToken, Connected, Failed, Passed, Check>;

constexpr std::size_t kLongest = std::size_t{64} * 1024;

std::string encode(const Message& message);
Result<Message> decode(std::string_view datagram);

}  // namespace remote_access::message
