// SPDX-License-Identifier: Apache-2.0
// The audit record's way to thin-edge: one event, on an MQTT connection of the session's own,
// within a bounded time. The journal has the record in any case, and says when the event did not
// get out.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>

#include "audit/event.hpp"
#include "config/config.hpp"
#include "mqtt/notice.hpp"

namespace remote_access {

/// `on_done` comes once, later. Nothing, and no call, where `audit.events` is off; else the caller
/// keeps what is returned until then.
std::shared_ptr<Notice> publish_event(asio::io_context& io, const Config& config, AuditEvent event,
                                      std::function<void()> on_done);

}  // namespace remote_access
