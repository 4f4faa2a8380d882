// SPDX-License-Identifier: Apache-2.0
// Where thin-edge looks for the operation file, and whose it is there.
#pragma once

#include <unistd.h>

#include <optional>
#include <string>

#include "config/config.hpp"
#include "setup/place.hpp"

namespace remote_access {

constexpr const char* kOperationFile = "/operations/c8y/c8y_RemoteAccessConnect";

inline std::string operation_file_path(const Config& config) {
    return config.source.config_dir + kOperationFile;
}

inline bool runs_as_root() { return ::geteuid() == 0; }

/// Nothing where this process cannot give files away, or there is no such user (yet).
inline std::optional<Owner> owner_for(const Config& config) {
    if (!runs_as_root()) return std::nullopt;
    return find_owner(config.user, config.group);
}

}  // namespace remote_access
