// SPDX-License-Identifier: Apache-2.0
// From thin-edge's settings as text to the typed parts of Config: defaults, and what depends on
// more than one key. What is wrong goes into Settings::error and leaves the default.
#pragma once

#include "config/settings.hpp"

namespace remote_access {

/// kDevice: no address of a cloud is no error.
enum class Need { kCloud, kDevice };

/// Everything but `owner` and `warnings`.
void read_thin_edge(Settings& settings, Config& config, Need need);

}  // namespace remote_access
