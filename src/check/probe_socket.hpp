// SPDX-License-Identifier: Apache-2.0
// The session socket: whether systemd listens there and starts a session that answers. Says
// nothing but message::Check, which orders nothing.
#pragma once

#include "check/cure.hpp"
#include "check/report.hpp"
#include "config/config.hpp"

namespace remote_access {

constexpr Milliseconds kSocketPatience{3'000};

Step probe_socket(const Config& config);

}  // namespace remote_access
