// SPDX-License-Identifier: Apache-2.0
// Which trust files the TLS handshake needs: looks at the configured paths once, reads no
// certificate. A folder with hash links costs nothing until a certificate is looked up in it.
#pragma once

#include <string>
#include <vector>

namespace remote_access {

struct TrustPlan {
    std::vector<std::string> hashed_folders;  ///< issuers are found by name, when they are needed
    std::vector<std::string> files;           ///< to be loaded
    std::vector<std::string> warnings;
};

/// `paths` are the configured ones; `system_folder` is used where it exists.
TrustPlan plan_trust(const std::vector<std::string>& paths, const std::string& system_folder);

}  // namespace remote_access
