// SPDX-License-Identifier: Apache-2.0
// A session that fails before anything was opened: the failure still has to reach the cloud, by the
// plugin or, when that is gone, by this process; a refusal leaves its event too.
#pragma once

#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "config/config.hpp"
#include "operation/request.hpp"
#include "session/seat.hpp"

namespace remote_access {

/// `target` is what was asked for, as it came; `seat` is its own, if it has one. Returns when
/// nothing is left to say, or the process was told to end: the process's exit status.
int serve_failure(Fd plugin, Fd window, const Config& config, const OperationId& operation,
                  const std::string& target, const Error& error, Seat* seat = nullptr);

}  // namespace remote_access
