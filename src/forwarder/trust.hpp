// SPDX-License-Identifier: Apache-2.0
// Which trust files the TLS handshake needs: looks at the configured paths once, reads no
// certificate. Folders are read with the folders within, as thin-edge does; what hash links lead to
// costs nothing until it is looked up, and only what they leave out is to be loaded.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace remote_access {

struct TrustPlan {
    std::vector<std::string> hashed_folders;  ///< issuers are found by name, when they are needed
    std::vector<std::string> files;           ///< to be loaded
    std::vector<std::string> warnings;
};

/// Somebody who names the whole disk is told so instead of waited for.
constexpr std::size_t kMostTrustFiles = 1'000;

/// `paths` are the configured ones; `system_folder` is used where it exists.
TrustPlan plan_trust(const std::vector<std::string>& paths, const std::string& system_folder);

/// What a look-up in these folders may open: they themselves, Debian's stores of certificates, and
/// each file elsewhere to which one of their links leads.
std::vector<std::string> lookup_places(const std::vector<std::string>& hashed_folders);

}  // namespace remote_access
