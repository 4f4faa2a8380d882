// SPDX-License-Identifier: Apache-2.0
// The device owner's approve command: asked once for each session before anything is connected.
#pragma once

#include <string>

#include "base/result.hpp"
#include "operation/request.hpp"

namespace remote_access {

/// Runs `command` (words split at blanks, no shell) with C8Y_REMOTE_ACCESS_HOST, _PORT and
/// _OPERATION in its environment; exit status 0 within 30 s approves. An empty command does. What
/// it prints on a refusal becomes the reason.
Result<void> approve(const std::string& command, const ConnectRequest& request);

/// Whether its program can be started by this user, as far as can be seen without doing it.
Result<void> find_approval(const std::string& command);

}  // namespace remote_access
