// SPDX-License-Identifier: Apache-2.0
// What the cloud should offer for this device: the owner's rules as Cumulocity's protocols. Pure.
// Protocols stand for their usual ports; whether a session may be opened is decided per session.
#pragma once

#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace remote_access {

/// Of SSH (port 22 allowed by some rule), VNC (5900), TELNET (23), PASSTHROUGH (any other port), in
/// this order. Empty when remote access is switched off.
std::vector<std::string_view> allowed_protocols(const OwnerConfig& owner);

}  // namespace remote_access
