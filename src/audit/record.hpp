// SPDX-License-Identifier: Apache-2.0
// What is said of a session for the record: three fixed sentences, asked, established, ended. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "operation/request.hpp"
#include "session/messages.hpp"

namespace remote_access {

struct SessionRecord {
    OperationId operation;
    std::string session;  ///< the id in every line of its log
    std::string target;   ///< as asked for
    std::string address;  ///< the one connected to
    std::string rule;     ///< of the policy, that allowed it
    std::string cloud;
    Milliseconds setup{0};   ///< from the start to both ends up
    Milliseconds lasted{0};  ///< from then to the end
    std::uint64_t to_cloud = 0, to_target = 0;
    std::string our_reason;               ///< why this device ended it; empty: it did not
    std::optional<message::Ended> ended;  ///< the forwarder's word; nothing: it died
    std::string death;                    ///< of what, then: "signal 31"
    bool killed = false;                  ///< the session itself: told by the next start
};

std::string asked_line(const ConnectRequest& request);
std::string established_line(const SessionRecord& record);
std::string ended_line(const SessionRecord& record);
/// What limits.drain did not suffice for, in words; empty: all was delivered that could be.
std::string undelivered(const SessionRecord& record);
/// "the cloud (close code 1000)", "this device (limits.idle reached)", …
std::string ended_by(const SessionRecord& record);

}  // namespace remote_access
