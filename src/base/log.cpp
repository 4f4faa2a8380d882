// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/time.hpp"

namespace remote_access::log {
namespace {

constexpr std::string_view kIdentifier = "c8y-remote-access-connect";
constexpr const char* kJournal = "/run/systemd/journal/socket";
constexpr const char* kSyslog = "/dev/log";

struct State {
    Sink sink = standard_error(true);
    Level level = Level::kInfo;
    std::string prefix;
};

State& state() {
    static State instance;
    return instance;
}

int priority(Level level) {
    constexpr std::array kPriorities{LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_DEBUG};
    return kPriorities.at(static_cast<std::size_t>(level));
}

Fd connect_datagram(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (!socket || path.size() >= sizeof address.sun_path) return {};
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
        return {};
    return socket;
}

std::string journal_datagram(Level level, const std::string& line) {
    return "PRIORITY=" + std::to_string(priority(level)) +
           "\nSYSLOG_IDENTIFIER=" + std::string(kIdentifier) +
           "\nSYSLOG_PID=" + std::to_string(::getpid()) + "\nMESSAGE=" + line + "\n";
}

std::string syslog_datagram(Level level, const std::string& line) {
    return "<" + std::to_string(LOG_DAEMON | priority(level)) + ">" + std::string(kIdentifier) +
           "[" + std::to_string(::getpid()) + "]: " + line;
}

}  // namespace

std::optional<Level> level_from_name(std::string_view name) {
    for (const Level level :
         {Level::kError, Level::kWarn, Level::kInfo, Level::kDebug, Level::kTrace}) {
        if (level_name(level) == name) return level;
    }
    return std::nullopt;
}

std::string_view level_name(Level level) {
    constexpr std::array<std::string_view, 5> kNames{"error", "warn", "info", "debug", "trace"};
    return kNames.at(static_cast<std::size_t>(level));
}

std::optional<Level> level_from_filter(std::string_view filter) {
    std::array<std::optional<Level>, kFilterNames.size() + 1> found;  // the last: for no name
    while (!filter.empty()) {
        const std::size_t comma = std::min(filter.find(','), filter.size());
        std::string directive(filter.substr(0, comma));
        filter.remove_prefix(std::min(comma + 1, filter.size()));
        for (char& c : directive)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const std::size_t equals = directive.find('=');
        const bool bare = equals == std::string::npos;
        const auto* const end = kFilterNames.end();
        const auto* const name =
            bare ? end : std::find(kFilterNames.begin(), end, directive.substr(0, equals));
        const auto level = level_from_name(bare ? directive : directive.substr(equals + 1));
        if (level && (bare || name != end))
            found.at(static_cast<std::size_t>(name - kFilterNames.begin())) = level;
    }
    for (const auto& level : found) {
        if (level) return level;
    }
    return std::nullopt;
}

void set_sink(Sink sink) { state().sink = std::move(sink); }
void set_level(Level level) { state().level = level; }
Level level() { return state().level; }
void set_prefix(std::string prefix) { state().prefix = std::move(prefix); }

Sink standard_error(bool timestamps) {
    return [timestamps](Level level, const std::string& line) {
        std::string text;
        if (timestamps) text = utc_timestamp(std::chrono::system_clock::now()) + " ";
        text += std::string(level_name(level)) + ": " + line + "\n";
        [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    };
}

Sink system_log(const std::string& path, int& descriptor) {
    descriptor = -1;
    bool journal = false;
    Fd opened;
    if (!path.empty()) {
        opened = connect_datagram(path);
    } else {
        opened = connect_datagram(kJournal);
        journal = static_cast<bool>(opened);
        if (!opened) opened = connect_datagram(kSyslog);
    }
    if (!opened) return [](Level, const std::string&) {};
    descriptor = opened.get();
    auto socket = std::make_shared<Fd>(std::move(opened));  // std::function copies its target
    return [socket, journal](Level level, const std::string& line) {
        const std::string text =
            journal ? journal_datagram(level, line) : syslog_datagram(level, line);
        ::send(socket->get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    };
}

void write(Level level, std::string_view text) {
    State& current = state();
    if (level > current.level) return;
    constexpr std::size_t kLongestLine = 2000;
    current.sink(level, current.prefix + printable(text, kLongestLine));
}

}  // namespace remote_access::log
