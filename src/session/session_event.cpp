// SPDX-License-Identifier: Apache-2.0
#include "session/session_event.hpp"

#include <utility>

#include "base/log.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kPatience{5'000};

void say(const Result<void>& result) {
    if (!result)
        log::warn("no thin-edge event of this, the record is here only: " + reason(result.error()));
}

}  // namespace

std::shared_ptr<Notice> publish_event(asio::io_context& io, const Config& config, AuditEvent event,
                                      std::function<void()> on_done) {
    if (!config.owner.audit_events) return nullptr;
    auto notice = std::make_shared<Notice>(io, config.broker);
    notice->publish(std::move(event.topic), std::move(event.payload), kPatience,
                    [done = std::move(on_done)](const Result<void>& result) {
                        say(result);
                        done();
                    });
    return notice;
}

}  // namespace remote_access
