// SPDX-License-Identifier: Apache-2.0
// The SmartREST texts that move an operation's status or declare the protocols, and the JWT
// answer. Pure. Source: Cumulocity SmartREST static templates 150, 501–507 and 71.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.hpp"
#include "operation/request.hpp"

namespace remote_access {

struct FinalStatus {
    bool successful = false;
    std::string reason;  ///< one ASCII line, of a failure
};

std::string executing_text(const OperationId& operation);
std::string final_text(const OperationId& operation, const FinalStatus& status);

/// Ends operations that nobody serves any more: one by its id, or (507) all that are EXECUTING.
std::string abandoned_text(const OperationId& operation, const std::string& reason);

/// Declares what the cloud offers for this device: SSH, VNC, TELNET, PASSTHROUGH (template 150).
std::string protocols_text(const std::vector<std::string_view>& protocols);

inline std::string status_topic(const std::string& prefix) { return prefix + "/s/us"; }
inline std::string token_request_topic(const std::string& prefix) { return prefix + "/s/uat"; }
inline std::string token_topic(const std::string& prefix) { return prefix + "/s/dat"; }

/// "71,<jwt>"; nothing for whatever else comes on the shared topic, or cannot be a header's value.
std::optional<Secret> read_token(std::string_view payload);

}  // namespace remote_access
