// SPDX-License-Identifier: Apache-2.0
// For whoever sits at a terminal; pipes and files get nothing of it.
#pragma once

#include <cstddef>
#include <string>

namespace remote_access {

/// In columns; 0: `descriptor` is no terminal.
std::size_t terminal_width(int descriptor);

/// One line that says for what a command waits, as long as this lives.
class Waiting {
public:
    /// "waiting for the broker": " ..." follows; cut to the terminal's width.
    explicit Waiting(const std::string& sentence);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

private:
    int terminal_;  ///< standard error, else standard output; -1: neither is a terminal
};

}  // namespace remote_access
