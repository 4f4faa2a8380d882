// SPDX-License-Identifier: Apache-2.0
// One function a command; each result is the process's exit status: 0 done, 1 the operation failed
// and FAILED was published, 2 usage, 3 the status could not be published.
#pragma once

#include "invocation.hpp"

namespace remote_access {

/// What thin-edge calls: serves one operation up to its final status.
int connect_command(Invocation& invocation);

/// What systemd starts for each connection to the session socket (on standard input).
int session_command(const Invocation& invocation);

}  // namespace remote_access
