// SPDX-License-Identifier: Apache-2.0
#include <asio/io_context.hpp>
#include <memory>

#include "commands.hpp"
#include "operation/request.hpp"
#include "operation_run.hpp"
#include "session/launch.hpp"
#include "session/run_folder.hpp"
#include "session/session.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {
namespace {

/// The fork path. Such a session ends with the caller's control group when systemd restarts it. It
/// gets the order as a message, as any other; what it inherits of the caller's secrets goes.
Result<Fd> fork_session(Invocation& invocation, message::Order& order) {
    log::info(
        "no session socket: the session is a child of this process and ends with its service");
    Result<Child> child = launch("c8y-ra-session", {}, [&invocation, &order](Fd channel) {
        order = {};
        invocation.source.tedge_env.clear();
        SessionHost host;
        host.own = invocation.source;
        int log_descriptor = -1;
        log::set_sink(log::system_log(invocation.log_socket, log_descriptor));
        if (log_descriptor >= 0) host.keep.push_back(log_descriptor);
        return serve_session(std::move(channel), host);
    });
    if (!child) return child.error();
    return std::move(child->channel);
}

Result<Fd> reach_session(const Config& config, Invocation& invocation, message::Order& order) {
    Result<std::optional<Fd>> socket = connect_session_socket(config.socket_path());
    if (!socket) return socket.error();
    if (socket->has_value()) return std::move(**socket);
    return fork_session(invocation, order);
}

/// By-name statuses go through one process at a time; without the lock they are still published.
Fd open_window(const Config& config, const OperationId& operation) {
    if (!operation.by_name()) return {};
    const Result<std::string> folder = run_folder(config);
    Result<Fd> window = folder ? open_lock(*folder, "status.lock") : Result<Fd>(folder.error());
    if (window) return std::move(*window);
    log::warn("no status window, statuses may interleave: " + window.error().detail);
    return {};
}

message::Order make_order(ConnectRequest request, const Invocation& invocation) {
    message::Order order;
    order.operation = request.operation;
    order.host = request.host;
    order.port = request.port;
    order.key = std::move(request.key);
    order.source = invocation.source;
    order.log_level = log::level();
    return order;
}

/// The log as it is asked for, then what it has to say about the settings.
void open_log(const Invocation& invocation, const Config& config) {
    const log::Level configured = config.log_level.value_or(log::Level::kInfo);
    log::set_level(invocation.log_level.value_or(configured));
    for (const std::string& warning : config.warnings) log::warn(warning);
}

/// thin-edge's setting is for a Cumulocity that does not know 504 to 506 (c8y_mapper_ext,
/// converter.rs): there an operation whose status is told by id stays PENDING.
void choose_status_form(const Config& config, OperationId& operation) {
    if (!config.cloud.use_operation_id) operation.id.clear();
}

}  // namespace

int connect_command(Invocation& invocation) {
    log::set_sink(log::standard_error(invocation.timestamps));
    hold_stop_signals();  // whoever has begun to report goes on until that is done
    ParsedOperation parsed = parse_operation(invocation.payload.reveal());
    invocation.payload = Secret();
    Result<Config> config = load_config(invocation.source);
    if (!config) {
        const Config enough = config_for_reporting(invocation.source);
        open_log(invocation, enough);
        choose_status_form(enough, parsed.operation);
        OperationRun run(enough, parsed.operation, open_window(enough, parsed.operation));
        return run.report_failure(config.error());
    }
    config->proxy.password = Secret();   // the session reads its own; a fork would carry this one
    invocation.source = config->source;  // with an absolute folder: the session runs in /
    config->source.tedge_env.clear();
    open_log(invocation, *config);
    choose_status_form(*config, parsed.operation);
    if (parsed.request) choose_status_form(*config, parsed.request->operation);
    Fd window = open_window(*config, parsed.operation);
    if (!parsed.request) {
        OperationRun run(*config, parsed.operation, std::move(window));
        return run.report_failure(parsed.request.error());
    }
    message::Order order = make_order(std::move(*parsed.request), invocation);
    Result<Fd> session = reach_session(*config, invocation, order);  // forks: before any thread
    OperationRun run(*config, parsed.operation, std::move(window));
    if (!session) return run.report_failure(session.error());
    return run.serve(std::move(*session), std::move(order));
}

}  // namespace remote_access
