// SPDX-License-Identifier: Apache-2.0
// Tells each cloud of the device which protocols the owner's policy lets through. What the cloud
// shows is a courtesy to the operator: that it could not be told is a warning.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace remote_access {

/// Of every cloud that is set up, each once; of `config.source.profile` alone, if that is named.
std::vector<std::string> cloud_prefixes(const Config& config);

/// For `config.source.profile`, else for the default cloud and every profile. Says on standard
/// output what was declared; at most 5 s.
void declare_protocols(const Config& config);

}  // namespace remote_access
