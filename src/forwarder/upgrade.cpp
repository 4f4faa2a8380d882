// SPDX-License-Identifier: Apache-2.0
#include "forwarder/upgrade.hpp"

#include <algorithm>
#include <charconv>

namespace remote_access {
namespace {

constexpr std::size_t kMostBody = std::size_t{4} * 1024;  // of which the reason shows the beginning
constexpr std::size_t kShownBody = 160;

/// The first chunk as far as it has come.
struct Chunk {
    std::string_view data;
    bool whole = false;
};

Chunk first_chunk(std::string_view body) {
    if (body.find('\n') == std::string_view::npos) return {};
    std::size_t size = 0;
    const std::string_view line = take_line(body);
    std::from_chars(line.data(), line.data() + line.size(), size, 16);
    return {body.substr(0, size), body.size() >= size};
}

}  // namespace

Secret upgrade_request(const HostPort& cloud, const Secret& key, const Secret& authorization,
                       std::string_view websocket_key) {
    const bool ipv6 = cloud.host.find(':') != std::string::npos;
    std::string host = ipv6 ? "[" + cloud.host + "]" : cloud.host;
    if (cloud.port != 443) host += ":" + std::to_string(cloud.port);
    std::string text;
    text.reserve(512 + host.size() + key.reveal().size() + authorization.reveal().size());
    const auto add = [&text](std::string_view name, std::string_view value) {
        text.append(name).append(value).append("\r\n");
    };
    text.append("GET /service/remoteaccess/device/").append(key.reveal());
    add(" HTTP/1.1", "");
    add("Host: ", host);
    add("Upgrade: ", "websocket");
    add("Connection: ", "Upgrade");
    add("Sec-WebSocket-Version: ", "13");
    add("Sec-WebSocket-Key: ", websocket_key);
    add("Sec-WebSocket-Protocol: ", "binary");
    add("Authorization: ", authorization.reveal());
    add("", "");
    Secret request(text);
    wipe(text);
    return request;
}

UpgradeAnswer::UpgradeAnswer(std::string cloud, const Secret& key, const Secret& authorization)
    : cloud_(std::move(cloud)) {
    std::string_view token = authorization.reveal();
    hidden_.add(authorization.clone());
    token.remove_prefix(std::min(token.find(' ') + 1, token.size()));  // the scheme may be missing
    hidden_.add(Secret(std::string(token)));
    hidden_.add(key.clone());
}

UpgradeAnswer::State UpgradeAnswer::feed(std::string_view bytes) {
    if (state_ == State::kComplete || state_ == State::kUpgraded) return state_;
    const HttpHead::State head = head_.feed(bytes);
    if (head == HttpHead::State::kMalformed) return refuse(head_.trouble(hidden_));
    if (head == HttpHead::State::kMore) return state_;
    if (state_ == State::kMore) return read_head();
    return state_ = body_complete() ? State::kComplete : State::kRefused;
}

UpgradeAnswer::State UpgradeAnswer::end() {
    if (state_ == State::kRefused) state_ = State::kComplete;
    return state_;
}

UpgradeAnswer::State UpgradeAnswer::refuse(std::string why) {
    malformed_ = std::move(why);
    return state_ = State::kComplete;
}

UpgradeAnswer::State UpgradeAnswer::read_head() {
    while (const auto field = head_.next_field()) {
        if (read_field(*field) != State::kMore) return state_;
    }
    if (head_.malformed()) return refuse(head_.trouble(hidden_));
    if (head_.status() == 101) return check_upgrade();
    return state_ = body_complete() ? State::kComplete : State::kRefused;
}

UpgradeAnswer::State UpgradeAnswer::read_field(const HttpField& field) {
    const auto& [name, value] = field;
    if (same_word(name, "Upgrade")) upgrade_ |= lists(value, "websocket");
    if (same_word(name, "Connection")) connection_ |= lists(value, "upgrade");
    if (same_word(name, "Transfer-Encoding")) chunked_ |= lists(value, "chunked");
    if (same_word(name, "Content-Encoding")) encoded_ |= !lists(value, "identity");
    if (same_word(name, "Content-Length"))
        std::from_chars(value.data(), value.data() + value.size(), content_length_);
    if (head_.status() != 101) return state_;
    if (same_word(name, "Sec-WebSocket-Accept")) {
        if (!accept_.empty()) return refuse("two Sec-WebSocket-Accept headers");
        accept_ = value;
    }
    if (same_word(name, "Sec-WebSocket-Protocol") && value != "binary")
        return refuse("it chose a subprotocol that was not offered");
    if (same_word(name, "Sec-WebSocket-Extensions") && !value.empty())
        return refuse("it chose an extension that was not offered");
    return state_;
}

UpgradeAnswer::State UpgradeAnswer::check_upgrade() {
    if (!head_.http_1_1()) return refuse("101 without HTTP/1.1");
    if (!upgrade_) return refuse("no \"Upgrade: websocket\"");
    if (!connection_) return refuse("no \"Connection: Upgrade\"");
    if (accept_.empty()) return refuse("no Sec-WebSocket-Accept");
    return state_ = State::kUpgraded;
}

bool UpgradeAnswer::body_complete() const {
    const std::size_t size = rest().size();
    if (size >= kMostBody || encoded_) return true;
    if (chunked_) return first_chunk(rest()).whole;
    return content_length_ != std::string::npos && size >= content_length_;
}

/// The body's beginning. Of a chunked one the first chunk; of a compressed one nothing.
std::string UpgradeAnswer::body() const {
    if (encoded_) return {};
    const std::string_view body = rest().substr(0, kMostBody);
    return std::string(chunked_ ? first_chunk(body).data : body.substr(0, content_length_));
}

Refusal UpgradeAnswer::refusal() const {
    if (!malformed_.empty()) return {{Fault::kCloudAnswer, cloud_, malformed_}};
    std::string detail = head_.status_text(hidden_, kShownBody / 2);
    const std::string text = printable(hidden_.in(body()), kShownBody);
    if (!text.empty()) detail += ": " + text;
    if (head_.status() == 401)
        return {{Fault::kCloudUnauthorized, cloud_, detail}, Refusal::Next::kAgainWithFreshToken};
    return {{Fault::kCloudStatus, cloud_, detail},
            is_passing(head_.status()) ? Refusal::Next::kAgain : Refusal::Next::kGiveUp};
}

}  // namespace remote_access
