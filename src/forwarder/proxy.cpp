// SPDX-License-Identifier: Apache-2.0
#include "forwarder/proxy.hpp"

#include <utility>

namespace remote_access {
namespace {

constexpr std::size_t kShownStatus = 80;

}  // namespace

Secret connect_request(const HostPort& cloud, const ProxyConfig& proxy) {
    const std::string where = cloud.text();  // an IPv6 address in brackets, always with the port
    const Secret login =
        proxy.has_login() ? basic_authorization(proxy.username, proxy.password) : Secret();
    std::string text;
    text.reserve(128 + 2 * where.size() + login.reveal().size());  // never moved: it has the login
    text.append("CONNECT ").append(where).append(" HTTP/1.1\r\nHost: ").append(where);
    if (proxy.has_login()) text.append("\r\nProxy-Authorization: ").append(login.reveal());
    text.append("\r\n\r\n");
    Secret request(text);
    wipe(text);
    return request;
}

ConnectAnswer::ConnectAnswer(const HostPort& cloud, const ProxyConfig& proxy)
    : cloud_(cloud.text()), proxy_(proxy.address.text()) {
    if (!proxy.has_login()) return;
    const Secret header = basic_authorization(proxy.username, proxy.password);
    const std::string_view scheme = "Basic ";
    hidden_.add(Secret(std::string(header.reveal().substr(scheme.size()))));
    hidden_.add(proxy.password.clone());
    hidden_.add(Secret(proxy.username));
}

ConnectAnswer::State ConnectAnswer::feed(std::string_view bytes) {
    if (state_ != State::kMore) return state_;
    if (head_.feed(bytes) == HttpHead::State::kMore) return state_;
    while (head_.next_field().has_value()) {
    }
    return decide();
}

ConnectAnswer::State ConnectAnswer::decide() {
    if (head_.malformed()) return refuse(Fault::kProxyAnswer, head_.trouble(hidden_));
    const int status = head_.status();
    const std::string text = head_.status_text(hidden_, kShownStatus);
    // tinyproxy answers 401 to a login that is wrong, 407 to none.
    if (status == 407 || status == 401) return refuse(Fault::kProxyUnauthorized, text);
    if (status < 200 || status > 299) {
        const auto next = is_passing(status) ? Refusal::Next::kAgain : Refusal::Next::kGiveUp;
        return refuse(Fault::kProxyStatus, text + ", for " + cloud_, next);
    }
    // Content-Length and Transfer-Encoding mean nothing here (RFC 9110 §9.3.6). In TLS the client
    // speaks first: what follows at once is not the cloud's.
    if (!head_.rest().empty())
        return refuse(Fault::kProxyAnswer, "bytes after the head of its answer " + text);
    return state_ = State::kOpen;
}

ConnectAnswer::State ConnectAnswer::refuse(Fault fault, std::string detail, Refusal::Next next) {
    refusal_ = {{fault, proxy_, std::move(detail)}, next};
    return state_ = State::kRefused;
}

}  // namespace remote_access
