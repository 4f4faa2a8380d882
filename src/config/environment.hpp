// SPDX-License-Identifier: Apache-2.0
// TEDGE_* variables over Settings: update_with_environment_variables() of thin-edge's
// tedge_config_location.rs.
#pragma once

#include "config/settings.hpp"

namespace remote_access {

void apply_environment(const ConfigSource& source, Settings& settings);

}  // namespace remote_access
