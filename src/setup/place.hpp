// SPDX-License-Identifier: Apache-2.0
// A small file in its place in one step: whoever looks sees the old one or the new one, whole, and
// nothing is written when all is right already, since others watch these files. A link is replaced,
// never followed. Modes and owners of folders that exist are left alone.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace remote_access {

struct Owner {
    uid_t user = 0;
    gid_t group = 0;
};

/// Nothing: one of the names is unknown on this device.
std::optional<Owner> find_owner(const std::string& user, const std::string& group);

struct Placed {
    std::string folder, name;
    std::string_view content;
    mode_t folder_mode = 0755;   ///< of folders that are made here
    std::optional<Owner> owner;  ///< of file and made folders; nothing: the process's, unchecked
};

enum class Change { kNone, kDone };

/// Mode 0644. Two at once follow one another (a lock on the folder, awaited for 5 s).
Result<Change> place_file(const Placed& wish);

/// A file or link; kNone where there is none. A folder is an error.
Result<Change> remove_file(const std::string& path);

}  // namespace remote_access
