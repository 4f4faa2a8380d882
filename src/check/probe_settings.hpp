// SPDX-License-Identifier: Apache-2.0
// The first steps: as whom the doctor looks, and whether the settings can be read. Root becomes
// thin-edge's user, as whom sessions run: what root alone may read is of no use to them.
#pragma once

#include <optional>
#include <vector>

#include "check/cure.hpp"
#include "check/report.hpp"
#include "config/config.hpp"

namespace remote_access {

/// Single-threaded callers only. The process is thin-edge's user afterwards, where it was root's
/// and there is such a user.
Step probe_user(const ConfigSource& source);

struct SettingsFound {
    Step step;
    std::optional<Config> config;  ///< nothing: the step is a problem
    Places places;
};
SettingsFound probe_settings(const ConfigSource& source);

}  // namespace remote_access
