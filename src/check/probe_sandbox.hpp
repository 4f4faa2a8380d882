// SPDX-License-Identifier: Apache-2.0
// Whether this kernel, or the container around it, can lock in a forwarder and a session: one child
// each does it to itself and says what is missing. Started before the first thread, asked later.
#pragma once

#include <optional>
#include <vector>

#include "base/result.hpp"
#include "check/cure.hpp"
#include "check/report.hpp"
#include "config/config.hpp"
#include "session/launch.hpp"

namespace remote_access {

class SandboxProbe {
public:
    /// Forks: see launch().
    explicit SandboxProbe(const Config& config);

    /// Waits for both children. `refused`: what a real forwarder has said.
    Step finish(const Config& config, const std::optional<Error>& refused, const Places& places);

private:
    std::vector<Result<Child>> children_;
};

}  // namespace remote_access
