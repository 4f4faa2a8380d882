// SPDX-License-Identifier: Apache-2.0
// The record of a session as a thin-edge event (thin-edge's MQTT API, "events": te/<device>/e/TYPE
// with text, time and anything else): one for a session that stood, one for a refusal. Pure. Names
// neither key nor login; what the cloud or the target said is made printable.
#pragma once

#include <chrono>
#include <string>

#include "audit/record.hpp"
#include "base/error.hpp"
#include "config/config.hpp"
#include "operation/request.hpp"

namespace remote_access {

struct AuditEvent {
    std::string topic;
    std::string payload;  ///< JSON on one line
};

/// A session that stood and is over. `ended` is the wall clock at its end.
AuditEvent session_event(const Config& config, const SessionRecord& record,
                         std::chrono::system_clock::time_point ended);

/// A request that policy, approval, off switch or a limit refused.
AuditEvent refusal_event(const Config& config, const OperationId& operation,
                         const std::string& target, const Error& error,
                         std::chrono::system_clock::time_point now);

/// Whether an error is a decision of this device about the request, not a fault.
bool is_refusal(Fault fault);

}  // namespace remote_access
