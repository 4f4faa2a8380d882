// SPDX-License-Identifier: Apache-2.0
// Operations of this device whose processes all died (power cut, kill): their statuses are owed,
// and the event of a session that stood.
#pragma once

#include "config/config.hpp"
#include "mqtt/connection.hpp"
#include "operation/request.hpp"

namespace remote_access {

/// Publishes FAILED, and the event, for them; a seat goes when the broker has acknowledged. No
/// FAILED for `served`: the cloud has sent that one again, and its new session reports it.
void end_orphans(const Config& config, const OperationId& served, MqttConnection& broker);

/// The final status is told: no next start tells another. `seat` is the id of the operation's.
void note_told(const Config& config, const std::string& seat);

/// Its session is gone without having heard of the final status, which is told: the seat goes, even
/// where a forwarder on its way out still holds it; or stays with the event alone. Without an id it
/// cannot be found; what the next start says then (507) moves nothing that has ended.
void forget_orphan(const Config& config, const OperationId& told);

/// EXECUTING is told, the final status cannot be, and there is no session to remember it.
void leave_orphan(const Config& config, const OperationId& operation);

}  // namespace remote_access
