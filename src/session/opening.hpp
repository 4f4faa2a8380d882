// SPDX-License-Identifier: Apache-2.0
// The connecting phase of a session: target and cloud (or the proxy to it) opened in parallel under
// one deadline, each handed to the forwarder as it stands; retries of the cloud, the JWT, and the
// one failure that is reported when it cannot be done.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "policy/policy.hpp"
#include "session/caller.hpp"
#include "session/channel.hpp"
#include "session/endpoints.hpp"

namespace remote_access {

class Opening : public std::enable_shared_from_this<Opening> {
public:
    using OnFailed = std::function<void(const Error&)>;

    Opening(asio::io_context& io, const Config& config, Permit permit,
            std::shared_ptr<Channel> forwarder, std::shared_ptr<Caller> caller);

    /// `on_failed` comes at most once, and not after stop().
    void start(OnFailed on_failed);
    void on_token(Secret jwt);
    /// The forwarder's attempt failed; another one may succeed.
    void on_need_cloud(const message::NeedCloud& need);
    /// The forwarder's attempt is through the proxy.
    void on_passed() { proxy_passed_ = true; }
    /// Both ends are up, or it is over: closes what is under way.
    void stop();

    const Permit& permit() const { return permit_; }
    /// Of the target, once connected.
    const std::string& address() const { return address_; }
    const std::string& rule() const { return rule_; }

private:
    void connect_target();
    void on_target(Result<Connected> result);
    void connect_cloud();
    void on_cloud(Result<Connected> result);
    void retry_cloud(Error cause);
    void ask_for_token();
    void on_deadline();
    void fail(const Error& error);
    void hand_over(const message::Message& message, int descriptor = -1);
    void after(asio::steady_timer& timer, Milliseconds span, void (Opening::*then)());

    asio::io_context& io_;
    const Config& config_;
    Permit permit_;
    std::shared_ptr<Channel> forwarder_;
    std::shared_ptr<Caller> caller_;
    NetworkView network_;
    OnFailed on_failed_;
    std::optional<Connector> target_;
    std::optional<Connector> cloud_;
    asio::steady_timer deadline_;
    asio::steady_timer pause_;
    bool target_up_ = false;
    bool proxy_passed_ = false;  // by the attempt under way
    bool token_awaited_ = false;
    bool token_refreshed_ = false;
    int cloud_failures_ = 0;
    std::optional<Error> last_cloud_error_;
    std::string address_;
    std::string rule_;
};

}  // namespace remote_access
