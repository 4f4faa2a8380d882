// SPDX-License-Identifier: Apache-2.0
// Addresses that no general rule reaches: whoever wants one must name it. And loopback.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip.hpp"

namespace remote_access {

struct SpecialRange {
    IpBlock block;     ///< a rule names the range when it lies wholly inside this block
    std::string what;  ///< "a link-local address"
};

/// The smallest special range that holds `address`. `attached`: the subnets whose directed
/// broadcast address counts as special.
std::optional<SpecialRange> special_range(const IpAddress& address,
                                          const std::vector<IpBlock>& attached);

/// 127.0.0.0/8 and ::1.
bool is_loopback(const IpAddress& address);

}  // namespace remote_access
