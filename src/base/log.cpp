// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>
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

bool connect_to(int socket, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

Fd connect_datagram(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket || !connect_to(socket.get(), path)) return {};
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

/// The log's socket: never waited for. What it did not take is counted, and told when it takes
/// lines again; a log daemon that was started again listens on a new socket of the same name.
class SystemLog {
public:
    bool open(const std::string& path, bool journal) {
        path_ = path;
        journal_ = journal;
        socket_ = connect_datagram(path);
        return static_cast<bool>(socket_);
    }
    int descriptor() const { return socket_.get(); }

    void write(Level level, const std::string& line) {
        if (lost_ > 0 && send(Level::kWarn, lost_line())) lost_ = 0;
        if (lost_ > 0 || !send(level, line)) ++lost_;
    }

private:
    std::string lost_line() const {
        return std::to_string(lost_) + " line(s) of this log are lost: it was full or away";
    }

    bool send(Level level, const std::string& line) {
        const std::string text =
            journal_ ? journal_datagram(level, line) : syslog_datagram(level, line);
        const auto once = [this, &text] {
            return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT) >=
                   0;
        };
        if (once()) return true;
        const bool gone = errno == ECONNREFUSED || errno == ENOTCONN || errno == ECONNRESET;
        return gone && connect_to(socket_.get(), path_) && once();
    }

    std::string path_;
    bool journal_ = false;
    Fd socket_;
    std::uint64_t lost_ = 0;
};

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
    const auto opened = std::make_shared<SystemLog>();  // std::function copies its target
    const bool found = path.empty() ? opened->open(kJournal, true) || opened->open(kSyslog, false)
                                    : opened->open(path, false);
    if (!found) return [](Level, const std::string&) {};
    descriptor = opened->descriptor();
    return [opened](Level level, const std::string& line) { opened->write(level, line); };
}

void write(Level level, std::string_view text) {
    State& current = state();
    if (level > current.level) return;
    constexpr std::size_t kLongestLine = 2000;
    current.sink(level, current.prefix + printable(text, kLongestLine));
}

}  // namespace remote_access::log
