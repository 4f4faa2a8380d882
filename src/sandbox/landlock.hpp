// SPDX-License-Identifier: Apache-2.0
// Landlock (Linux 5.13): which files this process may open, and no TCP bind or connect (Linux 6.7).
// Each call narrows what earlier calls left. An Error's detail names the piece.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace remote_access {

struct LandlockRules {
    std::vector<std::string>
        readable;  ///< files, or folders with all below; missing ones are left out
    bool reads_everywhere = false;
    std::vector<std::string> writable;  ///< folders whose files may be made, written and removed
    bool connects = false;              ///< TCP, and signals to other processes
};

/// Nothing is executed, written, or (unless `reads_everywhere`) read, but what the rules say.
Result<void> landlock(const LandlockRules& rules);

}  // namespace remote_access
