// SPDX-License-Identifier: Apache-2.0
// The session process from its first message to its end: takes the order, asks settings and policy,
// takes a seat, launches the forwarder, and then runs the Supervisor until all is over.
#pragma once

#include <map>
#include <string>

#include "base/fd.hpp"
#include "config/config.hpp"

namespace remote_access {

/// What the session process has of its own, which the order cannot change.
struct SessionHost {
    ConfigSource own;        ///< its own argv and environment: policy and limits come from here
    bool by_socket = false;  ///< accepted from the session socket: the peer's settings are checked
    std::vector<int> keep;   ///< descriptors the forwarder may keep (the log's)
};

/// Runs to the end of the session. The result is the process's exit status.
int serve_session(Fd plugin, SessionHost host);

}  // namespace remote_access
