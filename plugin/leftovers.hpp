// SPDX-License-Identifier: Apache-2.0
// Operations that are EXECUTING in the cloud since before this start of the device. No process of
// that time lives, and below /run nothing is known of them, so all of them are failed (507): once
// after each start, for each cloud, and never while a session of this device may be among them.
#pragma once

#include "config/config.hpp"

namespace remote_access {

/// The command's exit status: 0 done, or nothing to do; 1 this device cannot; 3 not yet, to be
/// called again. At most about 7 s for each cloud.
int end_leftovers(const Config& config);

}  // namespace remote_access
