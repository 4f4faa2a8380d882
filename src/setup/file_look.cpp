// SPDX-License-Identifier: Apache-2.0
#include "setup/file_look.hpp"

#include <sys/stat.h>

namespace remote_access {

std::string look_of_file(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return {};
    // The change time moves also where somebody sets the time of modification back.
    return std::to_string(info.st_dev) + ":" + std::to_string(info.st_ino) + ":" +
           std::to_string(info.st_size) + ":" + std::to_string(info.st_ctim.tv_sec) + "." +
           std::to_string(info.st_ctim.tv_nsec);
}

}  // namespace remote_access
