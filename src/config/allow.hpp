// SPDX-License-Identifier: Apache-2.0
// One [[allow]] table of our settings file as an AllowRule. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"
#include "config/toml.hpp"

namespace remote_access {

/// `path` is the file's, for errors.
Result<AllowRule> read_allow_rule(const TomlNode& table, const std::string& path);

/// What holds without any [[allow]] table: this device and the directly connected networks.
std::vector<AllowRule> default_allow_rules();

}  // namespace remote_access
