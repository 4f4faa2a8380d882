// SPDX-License-Identifier: Apache-2.0
// The session's own sandbox: what its settings say about it, and the folder that stays writable.
// After the last fork of the process, before its first thread.
#pragma once

#include "base/result.hpp"
#include "config/config.hpp"

namespace remote_access {

/// See confine_session().
Result<void> lock_in_session(const Config& config, SandboxMode mode);

}  // namespace remote_access
