// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "base/log.hpp"
#include "commands.hpp"
#include "operation/checks.hpp"
#include "policy/explain.hpp"
#include "session/endpoints.hpp"
#include "session/resolver.hpp"
#include "terminal.hpp"

namespace remote_access {
namespace {

constexpr int kAllowed = 0, kRefused = 1, kUsage = 2;

/// At once: the process ends without flushing.
void show(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

/// As for any other argument that is none (invocation.cpp).
int usage(const Error& error) {
    const std::string text = "c8y-remote-access-connect: " + error.detail + "\n";
    std::fputs(text.c_str(), stderr);
    return kUsage;
}

Result<PolicyState> read_state(const ConfigSource& source) {
    Result<OwnerConfig> owner = load_owner_config(source.config_dir);
    if (!owner) return owner.error();
    PolicyState state{std::move(*owner), false, read_network()};
    state.file_exists = ::access(state.owner.path.c_str(), F_OK) == 0;
    return state;
}

/// As a session would, within the time that a session has.
Result<Addresses> resolve_now(const HostPort& where, Milliseconds patience) {
    asio::io_context io;
    asio::steady_timer deadline(io, patience);
    const auto owner = std::make_shared<int>();
    std::optional<Result<Addresses>> found;
    resolve(io, where, owner, [&found, &deadline](Result<Addresses> result) {
        found = std::move(result);
        deadline.cancel();
    });
    deadline.async_wait([&io](const asio::error_code&) { io.stop(); });
    io.run();
    if (found) return std::move(*found);
    return Error{Fault::kSystem, where.host,
                 "no answer from the resolver within " + format_duration(patience)};
}

TargetAnswer ask(ConnectRequest request, const PolicyState& state) {
    const Result<Addresses> resolved = [&] {
        const Milliseconds patience = state.owner.limits.connect;
        const Waiting waiting("waiting for the resolver (at most " + format_duration(patience) +
                              ")");
        return resolve_now({request.host, request.port}, patience);
    }();
    std::vector<IpAddress> addresses;
    if (resolved) {
        for (const auto& endpoint : *resolved)
            if (const auto address = IpAddress::from(*endpoint.data()))
                addresses.push_back(*address);
    }
    return answer_for(std::move(request), addresses, resolved ? "" : resolved.error().detail,
                      state);
}

Result<ConnectRequest> make_target(const PolicyOptions& options) {
    Result<std::string> host = check_host(options.host);
    if (!host) return placed("HOST ", host.error());
    const Result<std::uint16_t> port = check_port(std::string_view(options.port));
    if (!port) return placed("PORT ", port.error());
    ConnectRequest request;
    request.host = std::move(*host);
    request.port = *port;
    return request;
}

}  // namespace

int policy_command(const Invocation& invocation) {
    log::set_sink(log::standard_error(invocation.timestamps));
    log::set_level(invocation.log_level.value_or(log::Level::kInfo));
    const PolicyOptions& options = invocation.policy;
    std::optional<ConnectRequest> request;
    if (options.test) {
        Result<ConnectRequest> target = make_target(options);
        if (!target) return usage(target.error());
        request = std::move(*target);
    }
    const Result<PolicyState> state = read_state(invocation.source);
    if (!state) {
        log::error(reason(state.error()));
        return kRefused;
    }
    if (!request) {
        show(options.json ? json::write(policy_json(*state)) + "\n" : policy_text(*state));
        return kAllowed;
    }
    const TargetAnswer answer = ask(std::move(*request), *state);
    show(options.json ? json::write(answer_json(answer, *state)) + "\n"
                      : answer_text(answer, *state));
    return answer.allowed(state->owner) ? kAllowed : kRefused;
}

}  // namespace remote_access
