// SPDX-License-Identifier: Apache-2.0
// Where processes begin: the only place that forks. Called while there is one thread, no
// io_context, no TLS context and no MQTT client. The child leaves the caller's session, pipes,
// folder and descriptors before it does anything else.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace remote_access {

struct Child {
    pid_t pid = -1;
    Fd channel;  ///< our end
    Fd pidfd;    ///< readable when it has ended; invalid on kernels before 5.3
};

/// Forks; the child detaches, holds SIGTERM and SIGINT back (session/stop_signal.hpp), keeps its
/// end of a new channel and the descriptors in `keep`, calls `body` and ends with its result.
/// `name` is what ps shows (15 bytes).
Result<Child> launch(const char* name, const std::vector<int>& keep,
                     const std::function<int(Fd channel)>& body);

/// Detaches a process that systemd started: as above, but it is our own already.
/// `channel` is moved off the numbers 0–2 first.
Fd detach_in_place(const char* name, Fd channel, const std::vector<int>& keep);

/// Connects to the session socket. Nothing where it does not exist or nobody listens: then the
/// caller launches a session itself. An error for anything else (a limit, no permission).
Result<std::optional<Fd>> connect_session_socket(const std::string& path);

/// Where run_command() looks for a program that is named without a folder.
constexpr const char* kCommandPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct CommandEnd {
    bool approved = false;  ///< exit status 0
    bool stopped = false;   ///< killed because this process has to end
    std::string how;        ///< "exit status 1", "signal 9", "no answer within 30s"
    std::string output;     ///< the first 400 bytes of its standard output and error
};

/// Runs a program of the device owner (found by PATH, no shell) with a minimal environment and
/// `environment` beside it, waits for its end, kills it and its group when `patience` is over or a
/// signal to stop comes. It dies with us.
Result<CommandEnd> run_command(const std::vector<std::string>& words,
                               const std::vector<std::string>& environment, Milliseconds patience);

/// SIGKILL to exactly this child.
void kill_child(const Child& child);

/// How a child that is ending has ended; one that has not by then is killed.
std::string await_end(const Child& child, Milliseconds patience);

/// How a child ended, once it has: "exit status 1", "signal 9". Empty while it runs.
std::string reap(pid_t pid);

}  // namespace remote_access
