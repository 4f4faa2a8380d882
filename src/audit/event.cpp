// SPDX-License-Identifier: Apache-2.0
#include "audit/event.hpp"

#include "base/json.hpp"
#include "base/time.hpp"

namespace remote_access {
namespace {

using std::chrono::system_clock;

constexpr std::size_t kMostText = 400;

std::string topic_of(const Config& config, const char* type) {
    return config.topic_root + "/" + config.device_topic_id + "/e/" + type;
}

double seconds(Milliseconds span) { return static_cast<double>(span.count()) / 1000; }

std::int64_t bytes(std::uint64_t count) { return static_cast<std::int64_t>(count); }

AuditEvent make(std::string topic, const std::string& text, system_clock::time_point time,
                json::Object details) {
    json::Object event;
    event["text"] = printable(text, kMostText);
    event["time"] = utc_timestamp(time);
    event["remoteAccess"] = std::move(details);
    return {std::move(topic), json::write(event)};
}

}  // namespace

AuditEvent session_event(const Config& config, const SessionRecord& record,
                         system_clock::time_point ended) {
    const std::string by = ended_by(record);
    json::Object details;
    if (!record.operation.by_name()) details["operation"] = record.operation.id;
    details["session"] = record.session;
    details["target"] = record.target;
    details["address"] = record.address;
    details["rule"] = record.rule;
    details["cloud"] = record.cloud;
    details["start"] = utc_timestamp(ended - record.lasted);
    details["end"] = utc_timestamp(ended);
    details["duration"] = seconds(record.lasted);
    details["bytesToCloud"] = bytes(record.to_cloud);
    details["bytesToTarget"] = bytes(record.to_target);
    if (const std::string lost = undelivered(record); !lost.empty()) details["undelivered"] = lost;
    details["endedBy"] = printable(by, kMostText);
    return make(topic_of(config, "remote_access_session"),
                "Remote access to " + record.target + " ended by " + by, ended, std::move(details));
}

AuditEvent refusal_event(const Config& config, const OperationId& operation,
                         const std::string& target, const Error& error,
                         system_clock::time_point now) {
    json::Object details;
    if (!operation.by_name()) details["operation"] = operation.id;
    details["target"] = target;
    details["refusedBy"] = fault_name(error.fault);
    details["reason"] = reason(error);
    return make(topic_of(config, "remote_access_refused"),
                "Remote access to " + target + " refused: " + reason(error), now,
                std::move(details));
}

bool is_refusal(Fault fault) {
    return fault == Fault::kDisabled || fault == Fault::kPolicy || fault == Fault::kApproval ||
           fault == Fault::kSessionLimit;
}

}  // namespace remote_access
