// SPDX-License-Identifier: Apache-2.0
#include "orphans.hpp"

#include <unistd.h>

#include <memory>

#include "base/log.hpp"
#include "mqtt/status.hpp"
#include "session/run_folder.hpp"
#include "session/seat_file.hpp"

namespace remote_access {

void end_orphans(const Config& config, const OperationId& served, MqttConnection& broker) {
    const Result<std::string> folder = run_folder(config);
    if (!folder) return;
    const std::string why =
        reason({Fault::kProcess, "session", "power cut, killed, or the broker was away"});
    for (SeatFile& found : adopt_orphans(*folder, config.cloud.topic_prefix)) {
        if (!served.by_name() && found.operation.id == served.id) {
            ::unlink(found.path.c_str());
            continue;
        }
        const auto orphan = std::make_shared<SeatFile>(std::move(found));
        log::warn("an operation was left behind by a session that died: reported as failed");
        broker.publish(status_topic(config.cloud.topic_prefix),
                       abandoned_text(orphan->operation, why), [orphan](const Result<void>& sent) {
                           if (sent) ::unlink(orphan->path.c_str());
                       });
    }
}

void forget_orphan(const Config& config, const OperationId& told) {
    const Result<std::string> folder = run_folder(config);
    if (!folder || told.by_name()) return;
    const Result<Fd> lock = lock_seats(*folder);
    if (!lock) return;
    for (const SeatFile& seat : list_seats(*folder)) {
        const bool same =
            seat.operation.id == told.id && is_of_cloud(seat, config.cloud.topic_prefix);
        if (same) ::unlink(seat.path.c_str());
    }
}

}  // namespace remote_access
