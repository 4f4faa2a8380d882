// SPDX-License-Identifier: Apache-2.0
// What is in the place of thin-edge's operation file: whether it is ours, and which form it asks
// for. Takes a path, gives a value; a file that cannot be understood is nobody's of ours.
#pragma once

#include <optional>
#include <string>

#include "config/config.hpp"

namespace remote_access {

struct OperationFileFound {
    bool there = false;                     ///< a file, a link, a folder: whatever it is
    bool ours = false;                      ///< its command is c8y-remote-access-connect
    std::optional<OperationFormat> format;  ///< only where it is ours
};

OperationFileFound look_at_operation_file(const std::string& path);

}  // namespace remote_access
