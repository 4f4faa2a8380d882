// SPDX-License-Identifier: Apache-2.0
#include "session/opening.hpp"

#include <algorithm>

#include "base/log.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kFirstPause{250};
constexpr int kMostDoublings = 4;

}  // namespace

Opening::Opening(asio::io_context& io, const Config& config, Permit permit,
                 std::shared_ptr<Channel> forwarder, std::shared_ptr<Caller> caller)
    : io_(io),
      config_(config),
      permit_(std::move(permit)),
      forwarder_(std::move(forwarder)),
      caller_(std::move(caller)),
      network_(read_network()),
      deadline_(io),
      pause_(io) {}

void Opening::start(OnFailed on_failed) {
    on_failed_ = std::move(on_failed);
    after(deadline_, config_.owner.limits.connect, &Opening::on_deadline);
    if (config_.proxy.address.port != 0 && !config_.proxy.used)
        log::info("proxy.no_proxy names the cloud: not through the proxy");
    if (config_.cloud.auth == AuthMethod::kCertificate) ask_for_token();
    connect_cloud();
    connect_target();
}

void Opening::stop() {
    on_failed_ = nullptr;
    deadline_.cancel();
    pause_.cancel();
    target_.reset();
    cloud_.reset();
}

void Opening::after(asio::steady_timer& timer, Milliseconds span, void (Opening::*then)()) {
    timer.expires_after(span);
    timer.async_wait([weak = weak_from_this(), then](const asio::error_code& error) {
        const auto self = weak.lock();
        if (!error && self && self->on_failed_) ((*self).*then)();
    });
}

void Opening::hand_over(const message::Message& message, int descriptor) {
    const Result<void> sent = forwarder_->send(message, descriptor);
    if (!sent) fail({Fault::kProcess, "forwarder", "before the session stood"});
}

void Opening::ask_for_token() {
    token_awaited_ = true;
    caller_->need_token();
}

void Opening::on_token(Secret jwt) {
    token_awaited_ = false;
    hand_over(message::Token{std::move(jwt)});
}

void Opening::connect_target() {
    if (!on_failed_) return;
    const HostPort where{permit_.request().host, permit_.request().port};
    target_.emplace(io_, Connector::Role::kTarget, where, config_.owner.keepalive.timeout);
    target_->start(
        [weak = weak_from_this()](const IpAddress& address) -> Result<void> {
            const auto self = weak.lock();
            return self ? self->permit_.permits(address, self->network_) : Error{};
        },
        [weak = weak_from_this()](Result<Connected> result) {
            if (const auto self = weak.lock()) self->on_target(std::move(result));
        });
}

void Opening::on_target(Result<Connected> result) {
    if (!result) return fail(result.error());
    target_up_ = true;
    address_ = result->address.text();
    const Result<std::string> rule = permit_.rule_for(result->address, network_);
    if (rule) rule_ = *rule;
    hand_over(message::Target{}, result->socket.get());
}

void Opening::connect_cloud() {
    if (!on_failed_) return;
    const bool proxy = config_.proxy.used;
    proxy_passed_ = false;
    cloud_.emplace(io_, proxy ? Connector::Role::kProxy : Connector::Role::kCloud,
                   proxy ? config_.proxy.address : config_.cloud.http,
                   config_.owner.keepalive.timeout);
    cloud_->start({}, [weak = weak_from_this()](Result<Connected> result) {
        if (const auto self = weak.lock()) self->on_cloud(std::move(result));
    });
}

void Opening::on_cloud(Result<Connected> result) {
    if (result) return hand_over(message::Cloud{}, result->socket.get());
    const Fault fault = result.error().fault;
    const bool final =
        fault == Fault::kCloudNotFound || fault == Fault::kProxyNotFound || fault == Fault::kSystem;
    if (final) return fail(result.error());
    retry_cloud(result.error());
}

void Opening::retry_cloud(Error cause) {
    log::info("trying again: " + reason(cause));
    last_cloud_error_ = std::move(cause);
    const Milliseconds span = kFirstPause * (1 << std::min(cloud_failures_++, kMostDoublings));
    after(pause_, span, &Opening::connect_cloud);
}

void Opening::on_need_cloud(const message::NeedCloud& need) {
    if (!on_failed_) return;
    if (!need.fresh_token) return retry_cloud(need.cause);
    if (config_.cloud.auth == AuthMethod::kBasic || token_refreshed_) return fail(need.cause);
    token_refreshed_ = true;
    log::info("asking for a fresh JWT: " + reason(need.cause));
    last_cloud_error_ = need.cause;
    ask_for_token();
    connect_cloud();
}

void Opening::on_deadline() {
    const std::string span = format_duration(config_.owner.limits.connect);
    if (!target_up_) return fail({Fault::kTargetTimeout, permit_.request().target(), span});
    if (token_awaited_)
        return fail({Fault::kToken,
                     {},
                     "no answer on " + config_.cloud.topic_prefix + "/s/dat within " + span});
    if (last_cloud_error_) return fail(*last_cloud_error_);
    if (config_.proxy.used && !proxy_passed_)
        return fail({Fault::kProxyTimeout, config_.proxy.address.text(), span});
    fail({Fault::kCloudTimeout, way_to(config_.cloud.http, config_.proxy), span});
}

void Opening::fail(const Error& error) {
    const OnFailed on_failed = on_failed_;
    stop();
    if (on_failed) on_failed(error);
}

}  // namespace remote_access
