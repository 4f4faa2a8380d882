// SPDX-License-Identifier: Apache-2.0
// One target as a session would open it: the policy for the request and for each address, then a
// connection, which is closed at once. No byte is sent.
#pragma once

#include <optional>
#include <string>

#include "check/cure.hpp"
#include "check/loop.hpp"
#include "check/report.hpp"
#include "config/config.hpp"
#include "policy/policy.hpp"
#include "session/endpoints.hpp"

namespace remote_access {

class TargetProbe {
public:
    TargetProbe(ProbeLoop& loop, const Config& config, const HostPort& target);

    Step finish(const Places& places);

private:
    ProbeLoop& loop_;
    HostPort target_;
    std::string settings_;  // the owner's file
    NetworkView network_;
    Result<Permit> permit_;
    std::optional<Connector> connector_;
    Clock::time_point started_;
    Outcome<Result<IpAddress>> result_;
};

}  // namespace remote_access
