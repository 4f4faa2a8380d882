// SPDX-License-Identifier: Apache-2.0
#include "session/session.hpp"

#include <sys/socket.h>

#include <asio/io_context.hpp>
#include <optional>

#include "audit/record.hpp"
#include "base/log.hpp"
#include "forwarder/forwarder.hpp"
#include "policy/policy.hpp"
#include "session/approval.hpp"
#include "session/caller.hpp"
#include "session/run_folder.hpp"
#include "session/seat.hpp"
#include "session/session_failure.hpp"
#include "session/session_sandbox.hpp"
#include "session/supervisor.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kOrderPatience{5'000};

/// What was decided before there is a seat or a forwarder.
struct Prepared {
    Permit permit;
    std::optional<Secret> authorization;
    ProxyConfig proxy;  // its password only here
};

/// Over the socket anybody in thin-edge's group can order: settings that are not this process's own
/// are taken from root only, since root may change the settings anyway.
Result<void> check_source(int plugin, const ConfigSource& ordered, const SessionHost& host) {
    if (!host.by_socket) return {};
    const bool same =
        ordered.config_dir == host.own.config_dir && ordered.tedge_env == host.own.tedge_env;
    if (same) return {};
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool root =
        ::getsockopt(plugin, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == 0;
    if (root) return {};
    return Error{Fault::kSession, "c8y-remote-access-connect.sock",
                 "it runs with other settings than the caller (configuration folder or TEDGE_* "
                 "environment): set them in its unit too"};
}

Result<Config> read_config(const ConfigSource& ordered, const SessionHost& host) {
    Result<Config> config = load_config(ordered);
    if (!config || ordered.config_dir == host.own.config_dir) return config;
    Result<OwnerConfig> owner = load_owner_config(host.own.config_dir);
    if (!owner) return owner.error();
    config->owner = std::move(*owner);
    return config;
}

ProxyConfig take_proxy(ProxyConfig& proxy) {
    return {proxy.tls, proxy.address, proxy.username, std::move(proxy.password), {}, proxy.used};
}

Result<Prepared> prepare(Config& config, message::Order& order) {
    Result<ConnectRequest> request =
        make_request(order.operation, order.host, order.port, std::move(order.key));
    if (!request) return request.error();
    Result<Permit> permit = decide(std::move(*request), config.owner, read_network());
    if (!permit) return permit.error();
    Prepared prepared{std::move(*permit), std::nullopt, take_proxy(config.proxy)};
    if (config.cloud.auth == AuthMethod::kBasic) {
        Result<Secret> basic = load_basic_authorization(config);
        if (!basic) return basic.error();
        prepared.authorization = std::move(*basic);
    }
    return prepared;
}

/// A device whose disk is full or read-only is one that somebody must reach: it is served without
/// a seat, so without the limit and the check for repeats, and says so. Not so when only too many
/// ask at once: then the limit would go when it is needed.
Result<Seat::Refusal> take_seat(Seat& seat, const Config& config, const ConnectRequest& request) {
    const LimitsConfig& limits = config.owner.limits;
    const Result<std::string> folder = run_folder(config);
    Result<Seat::Refusal> taken = folder ? seat.take(*folder, config.cloud.topic_prefix, request,
                                                     limits.sessions, limits.connect / 2)
                                         : Result<Seat::Refusal>(folder.error());
    if (taken || taken.error().fault == Fault::kLockHeld) return taken;
    log::warn("serving without a seat (no limits.sessions, no check for repeats): " +
              taken.error().detail);
    return Seat::Refusal::kNone;
}

Result<Child> launch_forwarder(const Config& config, Prepared& prepared, Seat& seat,
                               const SessionHost& host) {
    return launch("c8y-ra-forward", host.keep, [&](Fd channel) {
        ForwarderOrder order;
        order.cloud = config.cloud.http;
        order.proxy = std::move(prepared.proxy);
        order.key = std::move(prepared.permit.request().key);
        order.authorization = std::move(prepared.authorization);
        order.root_cert_paths = config.cloud.root_cert_paths;
        order.sandbox = config.owner.sandbox;
        order.user = config.user;
        order.group = config.group;
        order.keepalive = config.owner.keepalive;
        order.drain = config.owner.limits.drain;
        return run_forwarder(std::move(channel), std::move(order), seat.counters());
    });
}

/// From here on this process starts no program and writes only below its run folder.
Result<Child> launch_and_lock(const Config& config, Prepared& prepared, Seat& seat,
                              const SessionHost& host) {
    Result<Child> forwarder = launch_forwarder(config, prepared, seat, host);
    prepared.permit.request().key = Secret();
    prepared.authorization.reset();
    prepared.proxy = {};
    if (!forwarder) return forwarder;
    const Result<void> locked = lock_in_session(config, config.owner.sandbox);
    if (locked) return forwarder;
    kill_child(*forwarder);
    return locked.error();
}

int supervise(Fd plugin, Fd window, const Config& config, Prepared prepared,
              const SessionHost& host) {
    const ConnectRequest& request = prepared.permit.request();
    const OperationId operation = request.operation;
    const std::string target = request.target();
    Seat seat;
    const Result<Seat::Refusal> refusal = take_seat(seat, config, request);
    if (!refusal)
        return serve_failure(std::move(plugin), std::move(window), config, operation, target,
                             refusal.error());
    if (*refusal == Seat::Refusal::kDuplicate) {
        log::info("asked again for an operation that is being served: nothing to do");
        [[maybe_unused]] const auto sent = send_message(plugin.get(), message::Duplicate{});
        return 0;
    }
    if (*refusal == Seat::Refusal::kLimit)
        return serve_failure(std::move(plugin), std::move(window), config, operation, target,
                             {Fault::kSessionLimit, config.owner.path,
                              std::to_string(config.owner.limits.sessions)});
    log::set_prefix("session " + seat.id() + ": ");
    log::info(asked_line(request));
    [[maybe_unused]] const auto sent = send_message(plugin.get(), message::Seated{seat.id()});
    const Result<void> approved = approve(config.owner.approve, request);
    if (!approved)
        return serve_failure(std::move(plugin), std::move(window), config, operation, target,
                             approved.error(), &seat);
    Result<Child> forwarder = launch_and_lock(config, prepared, seat, host);
    if (!forwarder)
        return serve_failure(std::move(plugin), std::move(window), config, operation, target,
                             forwarder.error(), &seat);
    asio::io_context io;
    const auto caller =
        std::make_shared<Caller>(io, std::move(plugin), std::move(window), config, operation);
    const auto supervisor = std::make_shared<Supervisor>(io, config, std::move(prepared.permit),
                                                         caller, seat, std::move(*forwarder));
    supervisor->start();
    io.run();
    seat.leave();
    return 0;
}

}  // namespace

int serve_session(Fd plugin, SessionHost host) {
    Result<Received> first = receive_first(plugin.get(), kOrderPatience);
    if (!first) {
        log::warn("no order came: " + first.error().detail);
        return 1;
    }
    if (std::holds_alternative<message::Check>(first->message))
        return send_message(plugin.get(), message::Check{}) ? 0 : 1;
    auto* order = std::get_if<message::Order>(&first->message);
    if (order == nullptr) {
        log::warn("the first message is not an order");
        return 1;
    }
    log::set_level(order->log_level);
    const OperationId operation = order->operation;
    const std::string target = HostPort{order->host, order->port}.text();
    const Result<void> checked = check_source(plugin.get(), order->source, host);
    Result<Config> config =
        checked ? read_config(order->source, host) : Result<Config>(checked.error());
    if (!config) {
        // Who may not bring settings does not choose a broker, and the password for it, either.
        ConfigSource source = checked ? order->source : host.own;
        source.profile = order->source.profile;
        return serve_failure(std::move(plugin), std::move(first->descriptor),
                             config_for_reporting(source), operation, target, config.error());
    }
    // TEDGE_PROXY_PASSWORD may be among them.
    for (ConfigSource* read : {&order->source, &config->source, &host.own}) read->tedge_env.clear();
    Result<Prepared> prepared = prepare(*config, *order);
    if (!prepared)
        return serve_failure(std::move(plugin), std::move(first->descriptor), *config, operation,
                             target, prepared.error());
    return supervise(std::move(plugin), std::move(first->descriptor), *config, std::move(*prepared),
                     host);
}

}  // namespace remote_access
