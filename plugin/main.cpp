// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cstdio>

#include "base/memory.hpp"
#include "commands.hpp"

int main(int argc, char** argv) {
    using namespace remote_access;
    keep_memory_private();
    auto read = read_invocation(argc, argv);
    if (const auto* farewell = std::get_if<Farewell>(&read)) {
        std::fputs(farewell->text.c_str(), farewell->status == 0 ? stdout : stderr);
        return farewell->status;
    }
    auto& invocation = std::get<Invocation>(read);
    const bool session = invocation.command == Invocation::Command::kSession;
    // _exit: Paho's threads may hang and its destructors take a tenth of a second.
    ::_exit(session ? session_command(invocation) : connect_command(invocation));
}
