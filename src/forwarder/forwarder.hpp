// SPDX-License-Identifier: Apache-2.0
// The process that reads foreign bytes: TLS, a proxy's CONNECT, HTTP upgrade, WebSocket and the
// pump, on descriptors it is given. It never resolves, connects, forks or writes a file. It reports
// to its session over the channel and ends when that closes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/secret.hpp"
#include "config/config.hpp"
#include "session/counters.hpp"

namespace remote_access {

/// Everything the forwarder knows from the start; it is in memory when the process is forked.
struct ForwarderOrder {
    HostPort cloud;                       ///< for Host, SNI and the certificate's name
    ProxyConfig proxy;                    ///< with its password; as `used` says
    Secret key;                           ///< of the resource /service/remoteaccess/device/<key>
    std::optional<Secret> authorization;  ///< "Basic …"; nothing: a JWT comes as a message
    std::vector<std::string> root_cert_paths;  ///< beside the system's roots
    SandboxMode sandbox = SandboxMode::kAuto;
    std::string user, group;  ///< what root becomes
    KeepaliveConfig keepalive;
    Milliseconds drain{5'000};
};

/// Runs until the session is over. The result is the process's exit status.
int run_forwarder(Fd channel, ForwarderOrder order, Counters& counters);

}  // namespace remote_access
