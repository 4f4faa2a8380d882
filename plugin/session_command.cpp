// SPDX-License-Identifier: Apache-2.0
#include <sys/socket.h>
#include <unistd.h>

#include "commands.hpp"
#include "session/launch.hpp"
#include "session/session.hpp"

namespace remote_access {
namespace {

/// systemd gives the accepted connection as standard input (StandardInput=socket) or as the first
/// passed descriptor (sd_listen_fds(3)).
int accepted_socket() {
    constexpr int kFirstPassed = 3;
    for (const int fd : {STDIN_FILENO, kFirstPassed}) {
        int type = 0;
        socklen_t size = sizeof type;
        if (::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET)
            return fd;
    }
    return -1;
}

}  // namespace

int session_command(const Invocation& invocation) {
    log::set_level(invocation.log_level.value_or(log::Level::kInfo));
    const int accepted = accepted_socket();
    if (accepted < 0) {
        log::error("session: no SOCK_SEQPACKET connection on standard input or descriptor 3");
        return 2;
    }
    SessionHost host;
    host.own = invocation.source;
    host.by_socket = true;
    int log_descriptor = -1;
    log::set_sink(log::system_log(invocation.log_socket, log_descriptor));
    if (log_descriptor >= 0) host.keep.push_back(log_descriptor);
    Fd channel = detach_in_place("c8y-ra-session", Fd(accepted), host.keep);
    return serve_session(std::move(channel), host);
}

}  // namespace remote_access
