// SPDX-License-Identifier: Apache-2.0
// What a session needs of the device itself: the operation file, thin-edge, the run folder. Looks,
// and starts `tedge --version`: single-threaded callers only.
#pragma once

#include "check/cure.hpp"
#include "check/report.hpp"
#include "config/config.hpp"

namespace remote_access {

Step probe_operation_file(const Config& config);
Step probe_thin_edge();
Step probe_run_folder(const Config& config, const Places& places);

/// Basic login: the value of the Authorization header, kept for the upgrade.
struct LoginFound {
    Step step;
    Secret authorization;
};
LoginFound probe_credentials(const Config& config, const Places& places);

}  // namespace remote_access
