// SPDX-License-Identifier: Apache-2.0
// One function a command; each result is the process's exit status: 0 done, 1 failed (an operation:
// FAILED was published), 2 usage, 3 the status could not be published.
#pragma once

#include "invocation.hpp"

namespace remote_access {

/// What thin-edge calls: serves one operation up to its final status.
int connect_command(Invocation& invocation);

/// What systemd starts for each connection to the session socket (on standard input).
int session_command(const Invocation& invocation);

/// Puts the operation file in place, or takes it away where remote access is switched off, and
/// declares the protocols. 1: the settings are wrong, or the file cannot be written.
int setup_command(const Invocation& invocation);

/// Takes our operation file and the run folder away. 1: the file cannot be removed.
int teardown_command(const Invocation& invocation);

/// `policy show`, `policy test`: 0 shown, or some address is allowed; 1 refused, or the settings
/// are wrong (then every operation is refused); 2: HOST or PORT is none.
int policy_command(const Invocation& invocation);

/// `sessions`, `sessions end`: 1 where the run folder may not be read, or there is no such session.
int sessions_command(const Invocation& invocation);

/// `check`: 0 a session can be served; 1 something that it needs is missing; 2: TARGET is none.
int check_command(const Invocation& invocation);

}  // namespace remote_access
