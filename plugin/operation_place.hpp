// SPDX-License-Identifier: Apache-2.0
// Whose the operation file is in its place.
#pragma once

#include <unistd.h>

#include <optional>
#include <string>

#include "config/config.hpp"
#include "config/operation_file.hpp"
#include "setup/place.hpp"

namespace remote_access {

inline bool runs_as_root() { return ::geteuid() == 0; }

/// Nothing where this process cannot give files away, or there is no such user (yet).
inline std::optional<Owner> owner_for(const Config& config) {
    if (!runs_as_root()) return std::nullopt;
    return find_owner(config.user, config.group);
}

}  // namespace remote_access
