// SPDX-License-Identifier: Apache-2.0
// What the kernel knows of a connection's other end. TCP_USER_TIMEOUT cannot tell a peer that is
// gone from one that pauses: since Linux 5.11 it also ends a connection whose peer answers window
// probes but does not read (a printer without paper, an operator's Ctrl-Z). The forwarder can.
#pragma once

#include <cstddef>

#include "base/time.hpp"

namespace remote_access {

/// While the other end's kernel owes an acknowledgement: how old its last one is. Else zero.
Milliseconds acknowledgement_age(int descriptor);

/// What the kernel has not sent, or the other end's kernel not acknowledged, yet.
std::size_t unacknowledged_bytes(int descriptor);

/// The connection has been reset, or ended by a timeout: also while nothing is read from it.
bool is_lost(int descriptor);

/// The session sets TCP_USER_TIMEOUT for the connecting phase; from then on the above is asked.
void lift_user_timeout(int descriptor);

}  // namespace remote_access
