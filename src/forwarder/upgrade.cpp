// SPDX-License-Identifier: Apache-2.0
#include "forwarder/upgrade.hpp"

#include <algorithm>
#include <charconv>

namespace remote_access {
namespace {

constexpr std::size_t kMostHead = std::size_t{16} * 1024;
constexpr std::size_t kMostBody = std::size_t{4} * 1024;  // of which the reason shows the beginning
constexpr std::size_t kShownBody = 160;
constexpr std::string_view kBlanks = " \t\r";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Whether the comma-separated `list` has `word`, in any case.
bool lists(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (same_word(trimmed(list.substr(0, comma)), word)) return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

/// Position after the empty line that ends the head; npos: not there yet.
std::size_t end_of_head(std::string_view text, std::size_t from) {
    for (std::size_t line = text.find('\n', from); line != std::string_view::npos;
         line = text.find('\n', line + 1)) {
        const std::string_view next = text.substr(line + 1, 2);
        if (next.substr(0, 1) == "\n") return line + 2;
        if (next == "\r\n") return line + 3;
    }
    return std::string_view::npos;
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
}

void replace_all(std::string& text, std::string_view what) {
    constexpr std::string_view kInstead = "***";
    if (what.empty()) return;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), kInstead);
        at += kInstead.size();
    }
    // The text may have been cut in the middle of it.
    for (std::size_t size = std::min(what.size(), text.size()); size >= 4; --size) {
        if (text.compare(text.size() - size, size, what.substr(0, size)) != 0) continue;
        text.replace(text.size() - size, size, kInstead);
        return;
    }
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

UpgradeAnswer::UpgradeAnswer(std::string cloud, Secret key, Secret authorization)
    : cloud_(std::move(cloud)), key_(std::move(key)), authorization_(std::move(authorization)) {}

UpgradeAnswer::State UpgradeAnswer::feed(std::string_view bytes) {
    if (state_ == State::kComplete || state_ == State::kUpgraded) return state_;
    text_.append(bytes);
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
    constexpr std::string_view kProtocol = "HTTP/1.";
    const std::size_t known = std::min(text_.size(), kProtocol.size());
    if (text_.compare(0, known, kProtocol.substr(0, known)) != 0)
        return refuse("not HTTP: \"" + printable(without_secrets(text_.substr(0, 200)), 40) + "\"");
    const std::size_t end = end_of_head(text_, searched_);
    if (std::min(end, text_.size()) > kMostHead) return refuse("its head is larger than 16 KiB");
    if (end == std::string::npos) {
        searched_ = text_.size() < 3 ? 0 : text_.size() - 3;
        return state_;
    }
    head_size_ = end;
    std::string_view lines = std::string_view(text_).substr(0, end);
    State state = read_status_line(take_line(lines));
    while (state == State::kMore && !lines.empty()) {
        const std::string_view line = take_line(lines);
        if (!line.empty()) state = read_field(line);
    }
    if (state != State::kMore) return state;
    if (status_ == 101) return check_upgrade();
    return state_ = body_complete() ? State::kComplete : State::kRefused;
}

/// "HTTP/1.1 404 Not Found"; the phrase may be missing.
UpgradeAnswer::State UpgradeAnswer::read_status_line(std::string_view line) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool well_formed = line.size() >= 12 && is_digit(line[7]) && line[8] == ' ' &&
                             std::all_of(line.begin() + 9, line.begin() + 12, is_digit) &&
                             (line.size() == 12 || line[12] == ' ');
    if (!well_formed) return refuse("its status line cannot be read");
    http_1_1_ = line[7] == '1';
    status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    status_text_ = trimmed(line.substr(9));
    return state_;
}

UpgradeAnswer::State UpgradeAnswer::read_field(std::string_view line) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || line[0] == ' ' || line[0] == '\t')
        return refuse("a header line cannot be read");
    const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    if (same_word(name, "Upgrade")) upgrade_ |= lists(value, "websocket");
    if (same_word(name, "Connection")) connection_ |= lists(value, "upgrade");
    if (same_word(name, "Transfer-Encoding")) chunked_ |= lists(value, "chunked");
    if (same_word(name, "Content-Encoding")) encoded_ |= !lists(value, "identity");
    if (same_word(name, "Content-Length"))
        std::from_chars(value.data(), value.data() + value.size(), content_length_);
    if (status_ != 101) return state_;
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
    if (!http_1_1_) return refuse("101 without HTTP/1.1");
    if (!upgrade_) return refuse("no \"Upgrade: websocket\"");
    if (!connection_) return refuse("no \"Connection: Upgrade\"");
    if (accept_.empty()) return refuse("no Sec-WebSocket-Accept");
    return state_ = State::kUpgraded;
}

bool UpgradeAnswer::body_complete() const {
    const std::size_t size = text_.size() - head_size_;
    if (size >= kMostBody || encoded_) return true;
    if (chunked_) return rest().find("0\r\n\r\n") != std::string_view::npos;
    return content_length_ != std::string::npos && size >= content_length_;
}

/// The body's beginning. Of a chunked one the first chunk; of a compressed one nothing.
std::string UpgradeAnswer::body() const {
    if (encoded_) return {};
    std::string_view body = rest().substr(0, std::min(kMostBody, content_length_));
    if (chunked_) {
        std::size_t size = 0;
        const std::string_view line = take_line(body);
        std::from_chars(line.data(), line.data() + line.size(), size, 16);
        body = body.substr(0, size);
    }
    return std::string(body);
}

std::string UpgradeAnswer::without_secrets(std::string text) const {
    std::string_view token = authorization_.reveal();
    replace_all(text, token);
    token.remove_prefix(std::min(token.find(' ') + 1, token.size()));  // the scheme may be missing
    replace_all(text, token);
    replace_all(text, key_.reveal());
    return text;
}

Refusal UpgradeAnswer::refusal() const {
    if (!malformed_.empty()) return {{Fault::kCloudAnswer, cloud_, malformed_}};
    std::string detail = printable(without_secrets(status_text_), kShownBody / 2);
    const std::string text = printable(without_secrets(body()), kShownBody);
    if (!text.empty()) detail += ": " + text;
    if (status_ == 401)
        return {{Fault::kCloudUnauthorized, cloud_, detail}, Refusal::Next::kAgainWithFreshToken};
    const bool passing = status_ == 429 || (status_ >= 500 && status_ <= 599);
    return {{Fault::kCloudStatus, cloud_, detail},
            passing ? Refusal::Next::kAgain : Refusal::Next::kGiveUp};
}

}  // namespace remote_access
