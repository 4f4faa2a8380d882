// SPDX-License-Identifier: Apache-2.0
#include "audit/record.hpp"

#include <array>
#include <cstdio>
#include <string_view>

#include "base/error.hpp"

namespace remote_access {
namespace {

std::string_view name_of(message::Ended::By by) {
    switch (by) {
        case message::Ended::By::kTarget:
            return "the target";
        case message::Ended::By::kCloud:
            return "the cloud";
        case message::Ended::By::kUs:
            break;
    }
    return "this device";
}

std::string seconds(Milliseconds span) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.1f s", static_cast<double>(span.count()) / 1000);
    return text.data();
}

}  // namespace

std::string ended_by(const SessionRecord& record) {
    if (record.killed) return "the death of its session process";
    if (!record.our_reason.empty()) return "this device (" + record.our_reason + ")";
    if (!record.ended)
        return "the death of its forwarder" +
               (record.death.empty() ? "" : " (" + record.death + ")");
    constexpr std::size_t kMostDetail = 200;
    const message::Ended& ended = *record.ended;
    const std::string detail = printable(ended.detail, kMostDetail);
    return std::string(name_of(ended.by)) + " (close code " + std::to_string(ended.code) +
           (detail.empty() ? "" : ", " + detail) + ")";
}

std::string undelivered(const SessionRecord& record) {
    if (!record.ended) return {};
    std::string text;
    if (record.ended->target_lacks > 0)
        text = std::to_string(record.ended->target_lacks) + " bytes more for the target";
    if (record.ended->cloud_lacks)
        text += std::string(text.empty() ? "" : " and ") + "the last of those to the cloud";
    return text.empty() ? text : text + " not taken in time (limits.drain)";
}

std::string asked_line(const ConnectRequest& request) {
    return "asked: " +
           (request.operation.by_name() ? "" : "operation " + request.operation.id + " to ") +
           request.target();
}

std::string established_line(const SessionRecord& record) {
    return "established: " + record.target + " (" + record.address + ", " + record.rule +
           ") with " + record.cloud + " after " + std::to_string(record.setup.count()) + " ms";
}

std::string ended_line(const SessionRecord& record) {
    const std::string lost = undelivered(record);
    return "ended by " + ended_by(record) + ": " + std::to_string(record.to_cloud) +
           " bytes to the cloud, " + std::to_string(record.to_target) + " bytes to the target, " +
           seconds(record.lasted) + (lost.empty() ? "" : "; " + lost);
}

}  // namespace remote_access
