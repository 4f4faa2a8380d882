// SPDX-License-Identifier: Apache-2.0
// Operations of this device whose processes all died (power cut, kill): their statuses are owed.
#pragma once

#include "config/config.hpp"
#include "mqtt/connection.hpp"

namespace remote_access {

/// Publishes FAILED for them; a seat goes when the broker has acknowledged.
void end_orphans(const Config& config, MqttConnection& broker);

}  // namespace remote_access
