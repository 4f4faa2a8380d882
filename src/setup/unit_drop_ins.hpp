// SPDX-License-Identifier: Apache-2.0
// What thin-edge's settings change in the shipped systemd units, as drop-ins: its user, its group
// and the run folder. Pure. A value that a unit file would read otherwise is refused, not quoted.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace remote_access {

struct UnitDropIn {
    std::string folder;   ///< "c8y-remote-access-connect.socket.d"
    std::string content;  ///< empty: the shipped unit is right as it is
};

struct UnitDropIns {
    std::vector<UnitDropIn> files;  ///< one a unit, always all
    std::vector<Error> refused;
};

constexpr const char* kDropInName = "thin-edge.conf";

UnitDropIns unit_drop_ins(const Config& config);

}  // namespace remote_access
