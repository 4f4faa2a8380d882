// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <thread>

#include "base/log.hpp"
#include "commands.hpp"
#include "say.hpp"
#include "session/session_list.hpp"
#include "terminal.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kSample{500};  ///< over which the rates of one list are measured
constexpr Milliseconds kRefresh{1'000};
constexpr Milliseconds kEndMargin{5'000};  ///< beyond limits.drain

int fail(const std::string& what) {
    log::error(what);
    return 1;
}

std::string shown(const std::vector<LiveSession>& sessions, bool json) {
    const Clock::time_point now = Clock::now();
    return json ? json::write(sessions_json(sessions, now)) + "\n"
                : sessions_text(sessions, now, terminal_width(STDOUT_FILENO));
}

/// One list after the other, each with the rates since the one before. Not watched: the second.
int list(const Config& config, const SessionsOptions& options) {
    constexpr const char* kClear = "\x1b[H\x1b[2J";
    const bool screen = options.watch && !options.json && ::isatty(STDOUT_FILENO) == 1;
    Result<std::vector<LiveSession>> before = list_sessions(config);
    const bool rates = before && !before->empty();
    for (Milliseconds span = rates || options.watch ? kSample : Milliseconds(0);; span = kRefresh) {
        if (!before)
            return fail(before.error().detail + " (only thin-edge's user and root see sessions)");
        const Clock::time_point asked = Clock::now();
        std::this_thread::sleep_for(span);
        Result<std::vector<LiveSession>> now = list_sessions(config);
        if (now) {
            const auto passed = std::chrono::duration_cast<Milliseconds>(Clock::now() - asked);
            const std::string text = shown(with_rates(*now, *before, passed), options.json);
            std::fputs(((screen ? kClear : "") + text).c_str(), stdout);
            if (std::fflush(stdout) != 0) return 1;  // nobody reads any more
        }
        if (now && !options.watch) return 0;
        before = std::move(now);
    }
}

bool ended_within(const Fd& process, Milliseconds span) {
    pollfd ended{process.get(), POLLIN, 0};
    return ::poll(&ended, 1, static_cast<int>(span.count())) > 0;
}

int end(const Config& config, const std::string& id) {
    const Result<std::vector<LiveSession>> sessions = list_sessions(config);
    if (!sessions)
        return fail(sessions.error().detail + " (only thin-edge's user and root end sessions)");
    const auto session = std::find_if(sessions->begin(), sessions->end(),
                                      [&id](const LiveSession& one) { return one.id == id; });
    if (session == sessions->end())
        return fail("no session `" + printable(id, 40) +
                    "`: `c8y-remote-access-connect sessions` lists those there are");
    const Result<Fd> process = ask_to_end(*session);
    if (!process) return fail("session " + id + ": " + process.error().detail);
    const Milliseconds drain = config.owner.limits.drain;
    if (!ended_within(*process, kRefresh)) {
        say("Waiting for the last bytes of session " + id + " (limits.drain is " +
            format_duration(drain) + ").");
        if (!ended_within(*process, drain + kEndMargin))
            return fail("session " + id + ", process " + std::to_string(session->pid) +
                        ", does not end: is it stopped?");
    }
    say("Session " + id + " to " + session->target + " has ended.");
    return 0;
}

}  // namespace

int sessions_command(const Invocation& invocation) {
    log::set_sink(log::standard_error(invocation.timestamps));
    log::set_level(invocation.log_level.value_or(log::Level::kInfo));
    // Sessions go on when somebody has spoiled the settings since.
    const Config config = config_for_reporting(invocation.source);
    const SessionsOptions& options = invocation.sessions;
    return options.end.empty() ? list(config, options) : end(config, options.end);
}

}  // namespace remote_access
