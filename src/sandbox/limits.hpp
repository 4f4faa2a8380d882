// SPDX-License-Identifier: Apache-2.0
// Resource limits (setrlimit(2)) of the forwarder, soft and hard. An Error's detail names the
// piece.
#pragma once

#include "base/result.hpp"

namespace remote_access {

/// Few descriptors, no process, no file that grows, no core; with `memory` a bounded address space.
Result<void> limit_forwarder(bool memory);

/// No further descriptor.
Result<void> limit_pump();

}  // namespace remote_access
