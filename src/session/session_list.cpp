// SPDX-License-Identifier: Apache-2.0
#include "session/session_list.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <numeric>
#include <sstream>
#include <tuple>

#include "session/run_folder.hpp"
#include "session/seat_file.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {
namespace {

/// Where there is no lock file nobody ever took a seat, and none is made: root's would keep
/// thin-edge's user out.
Result<void> list_folder(const std::string& folder, std::vector<LiveSession>& sessions) {
    if (::access((folder + "/seats.lock").c_str(), R_OK | W_OK) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return {};
        return system_error(folder, errno);
    }
    const Result<Fd> lock = lock_seats(folder);
    if (!lock) return lock.error();
    for (const SeatFile& seat : list_seats(folder)) {
        if (!seat.alive || seat.id.empty()) continue;
        LiveSession one;
        one.id = seat.id;
        one.folder = folder;
        one.operation = seat.operation;
        one.target = seat.target;
        one.since = seat.since;
        one.pid = seat.pid;
        one.established = seat.reported == Reported::kFinal;
        one.to_cloud = seat.to_cloud;
        one.to_target = seat.to_target;
        one.last_activity = seat.last_activity;
        sessions.push_back(std::move(one));
    }
    return {};
}

double rate(std::uint64_t now, std::uint64_t before, Milliseconds span) {
    if (span.count() <= 0 || now < before) return 0;
    return static_cast<double>(now - before) * 1000 / static_cast<double>(span.count());
}

/// "0 B", "1.5 KiB", "12 MiB": three digits at least as far as there are so many.
std::string amount(double bytes) {
    constexpr std::array<const char*, 5> kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (bytes >= 1000 && unit + 1 < kUnits.size()) {
        bytes /= 1024;
        ++unit;
    }
    std::array<char, 32> text{};
    const int digits = unit == 0 || bytes >= 10 ? 0 : 1;
    std::snprintf(text.data(), text.size(), "%.*f %s", digits, bytes, kUnits[unit]);
    return text.data();
}

std::string amount_and_rate(std::uint64_t bytes, double rate) {
    return amount(static_cast<double>(bytes)) + " (" + amount(rate) + "/s)";
}

/// Nothing before the first payload.
std::int64_t idle_seconds(const LiveSession& session, Clock::time_point now) {
    if (session.last_activity.count() == 0) return -1;
    const auto until = std::chrono::duration_cast<Milliseconds>(now.time_since_epoch());
    // A forwarder that was taken over may have written anything.
    const Milliseconds idle = until - std::clamp(session.last_activity, Milliseconds(0), until);
    return std::chrono::duration_cast<std::chrono::seconds>(idle).count();
}

using Row = std::array<std::string, 8>;

Row row_of(const LiveSession& one, Clock::time_point now) {
    const std::int64_t idle = idle_seconds(one, now);
    return {one.id,
            one.established ? "established" : "connecting",
            one.target,
            one.since.substr(0, one.since.find('.')) + "Z",
            one.operation.by_name() ? "-" : one.operation.id,
            amount_and_rate(one.to_cloud, one.rate_to_cloud),
            amount_and_rate(one.to_target, one.rate_to_target),
            idle < 0 ? "-" : format_duration(std::chrono::seconds(idle)) + " ago"};
}

using Widths = std::array<std::size_t, std::tuple_size_v<Row>>;
constexpr std::size_t kGap = 2;

Widths widths_of(const std::vector<Row>& rows) {
    Widths widths{};
    for (const Row& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
    return widths;
}

/// The heading's words stand beside their figures.
std::string stacked(const std::vector<Row>& rows) {
    std::ostringstream text;
    for (auto row = rows.begin() + 1; row != rows.end(); ++row) {
        const auto& [id, state, target, since, operation, to_cloud, to_target, last] = *row;
        text << id << "  " << state << "  " << target << "\n  since " << since << ", operation "
             << operation << ", last payload " << last << "\n  to cloud " << to_cloud
             << ", to target " << to_target << '\n';
    }
    return text.str();
}

}  // namespace

Result<std::vector<LiveSession>> list_sessions(const Config& config) {
    std::vector<LiveSession> sessions;
    for (const std::string& folder : run_folders(config)) {
        const Result<void> listed = list_folder(folder, sessions);
        if (!listed) return listed.error();
    }
    std::sort(sessions.begin(), sessions.end(),
              [](const LiveSession& one, const LiveSession& other) {
                  return std::tie(one.since, one.id) < std::tie(other.since, other.id);
              });
    return sessions;
}

std::vector<LiveSession> with_rates(std::vector<LiveSession> now,
                                    const std::vector<LiveSession>& before, Milliseconds span) {
    for (LiveSession& one : now) {
        const auto same =
            std::find_if(before.begin(), before.end(),
                         [&one](const LiveSession& other) { return other.id == one.id; });
        if (same == before.end()) continue;
        one.rate_to_cloud = rate(one.to_cloud, same->to_cloud, span);
        one.rate_to_target = rate(one.to_target, same->to_target, span);
    }
    return now;
}

Result<Fd> ask_to_end(const LiveSession& session) {
    Fd process(static_cast<int>(::syscall(SYS_pidfd_open, session.pid, 0)));
    if (!process) return system_error("process " + std::to_string(session.pid), errno);
    const Result<Fd> lock = lock_seats(session.folder);
    if (!lock) return lock.error();
    // Only what still holds the seat is the process that wrote its number there.
    for (const SeatFile& seat : list_seats(session.folder)) {
        if (seat.id != session.id || !seat.alive) continue;
        const Result<void> sent = send_stop(process.get());
        if (!sent) return sent.error();
        return process;
    }
    return system_error("process " + std::to_string(session.pid), ESRCH);
}

std::string sessions_text(const std::vector<LiveSession>& sessions, Clock::time_point now,
                          std::size_t width) {
    if (sessions.empty()) return "No session.\n";
    std::vector<Row> rows{{"ID", "STATE", "TARGET", "SINCE (UTC)", "OPERATION", "TO CLOUD",
                           "TO TARGET", "LAST PAYLOAD"}};
    for (const LiveSession& one : sessions) rows.push_back(row_of(one, now));
    const Widths widths = widths_of(rows);
    const std::size_t wide =
        std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
    if (width > 0 && wide > width) return stacked(rows);
    std::string text;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i + 1 < row.size(); ++i)
            text += row[i] + std::string(widths[i] - row[i].size() + kGap, ' ');
        text += row.back() + "\n";
    }
    return text;
}

json::Value sessions_json(const std::vector<LiveSession>& sessions, Clock::time_point now) {
    json::Array list;
    for (const LiveSession& one : sessions) {
        const std::int64_t idle = idle_seconds(one, now);
        list.push_back(json::Object{
            {"id", one.id},
            {"operation", one.operation.by_name() ? json::Value() : json::Value(one.operation.id)},
            {"state", one.established ? "established" : "connecting"},
            {"target", one.target},
            {"since", one.since},
            {"pid", std::int64_t{one.pid}},
            {"bytes_to_cloud", static_cast<std::int64_t>(one.to_cloud)},
            {"bytes_to_target", static_cast<std::int64_t>(one.to_target)},
            {"bytes_per_second_to_cloud", one.rate_to_cloud},
            {"bytes_per_second_to_target", one.rate_to_target},
            {"seconds_since_payload", idle < 0 ? json::Value() : json::Value(idle)}});
    }
    return json::Object{{"sessions", std::move(list)}};
}

}  // namespace remote_access
