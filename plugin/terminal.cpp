// SPDX-License-Identifier: Apache-2.0
#include "terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <string_view>

namespace remote_access {
namespace {

constexpr std::string_view kEraseLine = "\r\x1b[K";

int find_terminal() {
    for (const int descriptor : {STDERR_FILENO, STDOUT_FILENO}) {
        if (::isatty(descriptor) == 1) return descriptor;
    }
    return -1;
}

void show(int terminal, std::string_view text) {
    [[maybe_unused]] const ssize_t written = ::write(terminal, text.data(), text.size());
}

}  // namespace

std::size_t terminal_width(int descriptor) {
    constexpr std::size_t kUsual = 80;
    if (::isatty(descriptor) != 1) return 0;
    winsize size{};
    const bool known = ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return known ? size.ws_col : kUsual;
}

Waiting::Waiting(const std::string& sentence) : terminal_(find_terminal()) {
    if (terminal_ < 0) return;
    const std::string line = sentence + " ...";
    // One that wraps could not be erased.
    show(terminal_, std::string_view(line).substr(0, terminal_width(terminal_) - 1));
}

Waiting::~Waiting() {
    if (terminal_ >= 0) show(terminal_, kEraseLine);
}

}  // namespace remote_access
