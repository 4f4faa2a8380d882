// SPDX-License-Identifier: Apache-2.0
// Which system calls this process may make from now on; the only file with libseccomp is
// seccomp.cpp. Filters pile up: the strictest answer counts. no_new_privs must be set before.
#pragma once

#include "base/result.hpp"

namespace remote_access {

enum class CallFilter {
    kHandshake,  ///< forwarder: TLS and the upgrade on sockets it is given, files for reading
    kPump,       ///< forwarder: bytes between its sockets
    kSession,    ///< everything but what a session never does
};

/// Applies to the calling thread and what it starts. An Error's detail names the piece.
Result<void> seccomp(CallFilter filter);

}  // namespace remote_access
