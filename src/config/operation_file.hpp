// SPDX-License-Identifier: Apache-2.0
// The place of thin-edge's operation file and what is there: whether it is ours, and which form it
// asks for. Takes a path, gives a value; a file that cannot be understood is nobody's of ours.
#pragma once

#include <optional>
#include <string>

#include "config/config.hpp"

namespace remote_access {

/// Below the configuration folder.
constexpr const char* kOperationFile = "/operations/c8y/c8y_RemoteAccessConnect";

inline std::string operation_file_path(const Config& config) {
    return config.source.config_dir + kOperationFile;
}

struct OperationFileFound {
    bool there = false;     ///< a file, a link, a folder: whatever it is
    bool ours = false;      ///< its command is c8y-remote-access-connect
    bool complete = false;  ///< and it is called for what it serves, the mapper silent about it
    std::optional<OperationFormat> format;  ///< only where it is ours
};

OperationFileFound look_at_operation_file(const std::string& path);

}  // namespace remote_access
