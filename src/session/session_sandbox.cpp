// SPDX-License-Identifier: Apache-2.0
#include "session/session_sandbox.hpp"

#include "sandbox/sandbox.hpp"
#include "session/run_folder.hpp"

namespace remote_access {

Result<void> lock_in_session(const Config& config, SandboxMode mode) {
    const Result<std::string> folder = run_folder(config);
    return confine_session(mode, folder ? *folder : std::string());
}

}  // namespace remote_access
