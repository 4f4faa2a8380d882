// SPDX-License-Identifier: Apache-2.0
// How a script hears and answers: lines on standard input, JSON lines on standard output.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <string>

namespace bench {

inline void say(const std::string& event, const std::string& more) {
    std::printf("{\"event\":\"%s\"%s}\n", event.c_str(), more.c_str());
    std::fflush(stdout);
}

inline std::string field(const char* name, std::int64_t value) {
    return std::string(",\"") + name + "\":" + std::to_string(value);
}

/// Standard input in lines; never waits.
class Commands {
public:
    bool open() const { return open_; }
    bool read() {
        char some[4096];
        const ssize_t got = ::read(STDIN_FILENO, some, sizeof some);
        if (got <= 0) return open_ = false;
        text_.append(some, static_cast<std::size_t>(got));
        return true;
    }
    bool next(std::string& line) {
        const std::size_t end = text_.find('\n');
        if (end == std::string::npos) return false;
        line = text_.substr(0, end);
        text_.erase(0, end + 1);
        return true;
    }

private:
    std::string text_;
    bool open_ = true;
};

}  // namespace bench
