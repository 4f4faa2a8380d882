// SPDX-License-Identifier: Apache-2.0
// Operations of this device whose processes all died (power cut, kill): their statuses are owed.
#pragma once

#include "config/config.hpp"
#include "mqtt/connection.hpp"
#include "operation/request.hpp"

namespace remote_access {

/// Publishes FAILED for them; a seat goes when the broker has acknowledged. Not for `served`: the
/// cloud has sent that one again, and its new session reports it.
void end_orphans(const Config& config, const OperationId& served, MqttConnection& broker);

}  // namespace remote_access
