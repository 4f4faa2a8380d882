// SPDX-License-Identifier: Apache-2.0
// Addresses that no general rule reaches: whoever wants one must name it. And this device's own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip.hpp"
#include "policy/network_view.hpp"

namespace remote_access {

struct SpecialRange {
    IpBlock block;     ///< a rule names the range when it lies wholly inside this block
    std::string what;  ///< "a link-local address"
};

/// The smallest special range that holds `address`: metadata, link-local, multicast, broadcast
/// (also of the attached subnets), unspecified, and IPv6 forms of these and of this device.
std::optional<SpecialRange> special_range(const IpAddress& address, const NetworkView& network);

/// All of them, for who wants to read them.
std::vector<SpecialRange> special_ranges(const NetworkView& network);

/// 127.0.0.0/8 and ::1.
bool is_loopback(const IpAddress& address);
/// Loopback, or an address of an interface, or of a network on a loopback interface.
bool is_own(const IpAddress& address, const NetworkView& network);

}  // namespace remote_access
