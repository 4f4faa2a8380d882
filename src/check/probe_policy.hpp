// SPDX-License-Identifier: Apache-2.0
// The device owner's side: what the rules let through in a word, and whether a cloud account that
// manages configuration through thin-edge could change them. Looks only.
#pragma once

#include "check/cure.hpp"
#include "check/report.hpp"
#include "config/config.hpp"

namespace remote_access {

Step probe_policy(const Config& config, const Places& places);
Step probe_policy_file(const Config& config);

}  // namespace remote_access
