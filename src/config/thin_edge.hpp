// SPDX-License-Identifier: Apache-2.0
// From thin-edge's settings as text to the typed parts of Config: defaults, and what depends on
// more than one key. What is wrong goes into Settings::error and leaves the default.
#pragma once

#include "config/settings.hpp"

namespace remote_access {

/// Everything but `owner` and `warnings`.
void read_thin_edge(Settings& settings, Config& config);

}  // namespace remote_access
