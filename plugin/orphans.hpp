// SPDX-License-Identifier: Apache-2.0
// Operations of this device whose processes all died (power cut, kill): their statuses are owed.
#pragma once

#include "config/config.hpp"
#include "mqtt/connection.hpp"
#include "operation/request.hpp"

namespace remote_access {

/// Publishes FAILED for them; a seat goes when the broker has acknowledged. One of `current`, which
/// the cloud has sent again because nothing had reached it, goes at once: its status comes anyway.
void end_orphans(const Config& config, MqttConnection& broker, const OperationId& current);

}  // namespace remote_access
