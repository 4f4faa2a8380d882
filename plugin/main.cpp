// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "base/guard.hpp"
#include "base/memory.hpp"
#include "commands.hpp"

namespace {

int run_command(remote_access::Invocation& invocation) {
    using namespace remote_access;
    switch (invocation.command) {
        case Invocation::Command::kConnect:
            return connect_command(invocation);
        case Invocation::Command::kSession:
            return session_command(invocation);
        case Invocation::Command::kSetup:
            return setup_command(invocation);
        case Invocation::Command::kTeardown:
            return teardown_command(invocation);
        case Invocation::Command::kPolicy:
            return policy_command(invocation);
        case Invocation::Command::kSessions:
            return sessions_command(invocation);
        case Invocation::Command::kCheck:
            return check_command(invocation);
    }
    return 2;
}

int run(remote_access::Invocation& invocation) {
    using namespace remote_access;
    constexpr int kFailed = 1, kNotPublished = 3;
    const bool operation = invocation.command == Invocation::Command::kConnect;
    return guarded(operation ? kNotPublished : kFailed,
                   [&invocation] { return run_command(invocation); });
}

}  // namespace

int main(int argc, char** argv) {
    using namespace remote_access;
    keep_memory_private();
    ::signal(SIGPIPE, SIG_IGN);  // a mapper that is gone takes its pipes along, not the status
    auto read = read_invocation(argc, argv);
    if (const auto* farewell = std::get_if<Farewell>(&read)) {
        std::fputs(farewell->text.c_str(), farewell->status == 0 ? stdout : stderr);
        return farewell->status;
    }
    // _exit: Paho's threads may hang and its destructors take a tenth of a second.
    ::_exit(run(std::get<Invocation>(read)));
}
