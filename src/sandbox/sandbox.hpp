// SPDX-License-Identifier: Apache-2.0
// Locks the calling process in, for good: the forwarder before its first foreign byte and again
// when the handshake is done, the session once its forwarder runs. Single-threaded callers only.
// What this kernel (or the container around it) refuses is said in the log, once, and left out;
// with the owner's `sandbox = "required"` it is an Error instead.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace remote_access {

class ForwarderSandbox {
public:
    /// Whom root becomes; `nobody` where there is no such user.
    ForwarderSandbox(SandboxMode mode, std::string user, std::string group)
        : mode_(mode), user_(std::move(user)), group_(std::move(group)) {}

    /// Before it gets a socket: no root, no capability, no new socket, process or program; files
    /// only to be read, and only `readable` (folders with all below, or files).
    /// What root alone may read is read before.
    Result<void> confine_handshake(const std::vector<std::string>& readable);

    /// Both ends are up: no file at all, and no call that the pump does not make.
    Result<void> confine_pump();

private:
    SandboxMode mode_;
    std::string user_, group_;
    std::string missing_;  // what the log has said
};

/// Session, after its last fork: no program is started, no file written or changed but in
/// `run_folder` (empty: nowhere), no administration of the machine. It still reads files, resolves,
/// connects, starts threads and may kill its forwarder.
Result<void> confine_session(SandboxMode mode, const std::string& run_folder);

}  // namespace remote_access
