// SPDX-License-Identifier: Apache-2.0
// tedge.toml and mappers/<cloud>[.<profile>]/mapper.toml into Settings: which of the two is read
// for a cloud, and old key names.
#pragma once

#include "config/settings.hpp"

namespace remote_access {

void apply_files(const ConfigSource& source, Settings& settings);

}  // namespace remote_access
