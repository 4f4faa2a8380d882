// SPDX-License-Identifier: Apache-2.0
// What a command did, as sentences on standard output; errors and warnings go to the log.
#pragma once

#include <cstdio>
#include <string>

namespace remote_access {

/// At once: the process ends without flushing.
inline void say(const std::string& sentence) {
    std::fputs((sentence + "\n").c_str(), stdout);
    std::fflush(stdout);
}

}  // namespace remote_access
