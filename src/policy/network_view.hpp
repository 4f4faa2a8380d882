// SPDX-License-Identifier: Apache-2.0
// This device as its interfaces show it, as a value (session/endpoints reads them).
#pragma once

#include <vector>

#include "base/ip.hpp"

namespace remote_access {

struct NetworkView {
    std::vector<IpAddress> own;  ///< every address of every interface, also of one that is down
    std::vector<IpBlock> own_networks;  ///< of loopback interfaces: all their addresses are own
    std::vector<IpBlock> attached;      ///< directly connected subnets: no loopback, no tunnel
};

}  // namespace remote_access
