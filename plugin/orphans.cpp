// SPDX-License-Identifier: Apache-2.0
#include "orphans.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "audit/event.hpp"
#include "base/log.hpp"
#include "mqtt/status.hpp"
#include "session/run_folder.hpp"
#include "session/seat.hpp"
#include "session/seat_file.hpp"

namespace remote_access {
namespace {

/// A dead session's seat: it goes when all that is owed is acknowledged.
class Orphan {
public:
    explicit Orphan(SeatFile seat) : seat_(std::move(seat)) {}

    const SeatFile& seat() const { return seat_; }
    void owe() { ++owed_; }
    void told() {
        if (--owed_ == 0) ::unlink(seat_.path.c_str());
    }

private:
    SeatFile seat_;
    int owed_ = 0;
};

/// It is known to have lived until its last payload. What the clock of another boot says is cut.
AuditEvent event_of(const Config& config, const SeatFile& seat) {
    const auto now = std::chrono::duration_cast<Milliseconds>(Clock::now().time_since_epoch());
    const Milliseconds since = std::clamp(seat.standing->since, Milliseconds(0), now);
    const Milliseconds last = std::clamp(seat.last_activity, since, now);
    SessionRecord record;
    record.operation = seat.operation;
    record.session = seat.id;
    record.target = seat.target;
    record.address = seat.standing->address;
    record.rule = seat.standing->rule;
    record.cloud = seat.standing->cloud;
    record.lasted = last - since;
    record.to_cloud = seat.to_cloud;
    record.to_target = seat.to_target;
    record.killed = true;
    return session_event(config, record, std::chrono::system_clock::now() - (now - last));
}

void publish(const std::shared_ptr<Orphan>& orphan, const std::string& topic,
             const std::string& payload, MqttConnection& broker) {
    orphan->owe();
    broker.publish(topic, payload, [orphan](const Result<void>& sent) {
        if (sent) orphan->told();
    });
}

}  // namespace

void end_orphans(const Config& config, const OperationId& served, MqttConnection& broker) {
    const Result<std::string> folder = run_folder(config);
    if (!folder) return;
    const std::string why =
        reason({Fault::kProcess, "session", "power cut, killed, or the broker was away"});
    for (SeatFile& found : adopt_orphans(*folder, config.cloud.topic_prefix)) {
        const auto orphan = std::make_shared<Orphan>(std::move(found));
        const SeatFile& seat = orphan->seat();
        const bool served_again = !served.by_name() && seat.operation.id == served.id;
        orphan->owe();
        if (seat.status_owed && !served_again) {
            log::warn("an operation was left behind by a session that died: reported as failed");
            publish(orphan, status_topic(config.cloud.topic_prefix),
                    abandoned_text(seat.operation, why), broker);
        }
        if (seat.standing && config.owner.audit_events) {
            log::warn("session " + seat.id + " to " + seat.target +
                      " was killed: its event comes now");
            const AuditEvent event = event_of(config, seat);
            publish(orphan, event.topic, event.payload, broker);
        }
        orphan->told();
    }
}

void note_told(const Config& config, const std::string& seat) {
    const Result<std::string> folder = run_folder(config);
    if (folder && !seat.empty()) note_final(*folder, seat);
}

void forget_orphan(const Config& config, const OperationId& told) {
    const Result<std::string> folder = run_folder(config);
    if (!folder || told.by_name()) return;
    const Result<Fd> lock = lock_seats(*folder);
    if (!lock) return;
    for (const SeatFile& seat : list_seats(*folder)) {
        const bool same =
            seat.operation.id == told.id && is_of_cloud(seat, config.cloud.topic_prefix);
        if (same && seat.standing) write_reported(seat.file.get(), Reported::kFinal);
        if (same && !seat.standing) ::unlink(seat.path.c_str());
    }
}

void leave_orphan(const Config& config, const OperationId& operation) {
    const Result<std::string> folder = run_folder(config);
    if (folder) leave_owed(*folder, config.cloud.topic_prefix, operation);
}

}  // namespace remote_access
