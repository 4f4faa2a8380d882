// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "base/log.hpp"
#include "check/doctor.hpp"
#include "commands.hpp"
#include "operation/checks.hpp"
#include "terminal.hpp"

namespace remote_access {
namespace {

constexpr int kHealthy = 0, kProblem = 1, kUsage = 2;

/// At once: whoever watches sees how far it is.
void show(const std::string& text) {
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
}

/// HOST:PORT, an IPv6 address in brackets.
Result<HostPort> read_target(const std::string& text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return payload_error("TARGET is not HOST:PORT");
    std::string_view host = std::string_view(text).substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']')
        host = host.substr(1, host.size() - 2);
    const Result<std::string> checked = check_host(host);
    if (!checked) return placed("HOST ", checked.error());
    const Result<std::uint16_t> port = check_port(std::string_view(text).substr(colon + 1));
    if (!port) return placed("PORT ", port.error());
    return HostPort{*checked, *port};
}

/// Says for what it waits until the step takes the place of that. `shown`: each step, at once.
Audience reader(std::optional<Waiting>& waiting, bool shown, bool colour) {
    Audience audience;
    audience.on_begin = [&waiting](const std::string& name, const std::string& what) {
        if (!what.empty()) waiting.emplace(name + ": waiting for " + what);
    };
    audience.on_step = [&waiting, shown, colour](const Step& step) {
        waiting.reset();
        if (shown) show(step_text(step, colour, terminal_width(STDOUT_FILENO)));
    };
    return audience;
}

}  // namespace

int check_command(const Invocation& invocation) {
    log::set_sink(log::standard_error(invocation.timestamps));
    log::set_level(invocation.log_level.value_or(log::Level::kWarn));
    const CheckOptions& options = invocation.check;
    CheckOrder order{invocation.source, {}};
    if (!options.target.empty()) {
        Result<HostPort> target = read_target(options.target);
        if (!target) {
            const std::string text = "c8y-remote-access-connect: " + target.error().detail + "\n";
            std::fputs(text.c_str(), stderr);
            return kUsage;
        }
        order.target = std::move(*target);
    }
    const bool colour = ::isatty(STDOUT_FILENO) == 1 && options.colour;
    std::optional<Waiting> waiting;
    const std::vector<Step> steps = examine(order, reader(waiting, !options.json, colour));
    show(options.json ? json::write(report_json(steps)) + "\n" : verdict_text(steps, colour));
    return healthy(steps) ? kHealthy : kProblem;
}

}  // namespace remote_access
