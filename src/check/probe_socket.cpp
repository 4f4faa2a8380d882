// SPDX-License-Identifier: Apache-2.0
#include "check/probe_socket.hpp"

#include <unistd.h>

#include "session/channel.hpp"
#include "session/launch.hpp"

namespace remote_access {
namespace {

constexpr const char* kSocket = "socket";
constexpr const char* kRestart =
    "Run `systemctl restart c8y-remote-access-connect.socket` and see `journalctl -t "
    "c8y-remote-access-connect`.";

Step not_listening(const std::string& path) {
    const bool there = ::access(path.c_str(), F_OK) == 0;
    const std::string what = there ? "nobody listens at " + path : "there is no " + path;
    return warning(kSocket, what + ": a session is the mapper's child and ends with it",
                   there ? kRestart
                         : "With systemd: systemctl enable --now c8y-remote-access-connect.socket "
                           "(the package does it).");
}

}  // namespace

Step probe_socket(const Config& config) {
    const std::string path = config.socket_path();
    const Result<std::optional<Fd>> connected = connect_session_socket(path);
    if (!connected)
        return problem(kSocket, reason(connected.error()),
                       "Is this user in group " + config.group + "? Else: " + kRestart);
    if (!connected->has_value()) return not_listening(path);
    const int socket = (*connected)->get();
    const Result<void> asked = send_message(socket, message::Check{});
    Result<Received> answer = asked ? receive_first(socket, kSocketPatience) : asked.error();
    if (answer && std::holds_alternative<message::Check>(answer->message))
        return ok(kSocket, path + ": a session starts and answers");
    const std::string why = answer ? "with something else" : answer.error().detail;
    return problem(kSocket, path + ": no session answers there (" + why + ")", kRestart);
}

}  // namespace remote_access
