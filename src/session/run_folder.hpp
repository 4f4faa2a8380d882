// SPDX-License-Identifier: Apache-2.0
// The run folder (seats and locks): <run.path>/c8y-remote-access-connect, 0700, of thin-edge's
// user; where it cannot be made, the same name below data.path. Every process derives it alike.
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "config/config.hpp"

namespace remote_access {

/// Makes the folder if it is not there. The error names both places.
Result<std::string> run_folder(const Config& config);

/// Opens (and makes) a lock file in the folder; does not lock it.
Result<Fd> open_lock(const std::string& folder, const char* name);

}  // namespace remote_access
