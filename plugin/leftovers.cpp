// SPDX-License-Identifier: Apache-2.0
#include "leftovers.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "declaration.hpp"
#include "mqtt/announcement.hpp"
#include "mqtt/status.hpp"
#include "say.hpp"
#include "session/boot_record.hpp"
#include "session/run_folder.hpp"
#include "session/seat_file.hpp"
#include "terminal.hpp"

namespace remote_access {
namespace {

constexpr int kDone = 0, kFailed = 1, kNotYet = 3;
constexpr Milliseconds kPatience{5'000};

/// What keeps another process from making an operation EXECUTING: by name the status window, else
/// the lock under which a seat is taken. Both in this order, as the plugin takes them.
struct Silence {
    Fd window, seats;
};

Result<void> no_session_lives(const Config& config) {
    // One that began before the folder below run.path was there has its seat below data.path.
    for (const std::string& folder : run_folders(config)) {
        const std::vector<SeatFile> seats = list_seats(folder);
        if (std::any_of(seats.begin(), seats.end(), [](const SeatFile& one) { return one.alive; }))
            return Error{Fault::kSystem, {}, "a session is open on this device"};
    }
    return {};
}

Result<void> be_alone(const Config& config, const std::string& folder, Silence& silence) {
    Result<Fd> window = open_lock(folder, "status.lock");
    if (!window) return window.error();
    const Result<void> entered = lock_within(window->get(), folder + "/status.lock", kLockPatience);
    if (!entered) return entered.error();
    Result<Fd> seats = lock_seats(folder);
    if (!seats) return seats.error();
    silence = {std::move(*window), std::move(*seats)};
    return no_session_lives(config);
}

/// Of sessions that died with a status owed to this cloud: it is told.
void remove_dead_seats(const std::string& folder, const std::string& prefix) {
    for (const SeatFile& seat : list_seats(folder)) {
        if (!seat.alive && is_of_cloud(seat, prefix)) ::unlink(seat.path.c_str());
    }
}

/// A bridge speaks of its health, retained, since it first stood. Its session at the broker is as
/// old and kept in the same place: where the one is known, what is published waits in the other.
Care wait_for_bridge(const Config& config, const std::string& prefix) {
    const std::string status = "/status/health";
    Care care;
    care.listeners = config.topic_root + "/+/+/+/+" + status;
    care.listener = {"/tedge-mapper-bridge-" + prefix + status,
                     "/mosquitto-" + prefix + "-bridge" + status};
    return care;
}

Result<void> tell(const Config& config, const std::string& folder, const std::string& prefix) {
    Silence silence;
    Care care = wait_for_bridge(config, prefix);
    care.now = [&config, &folder, &silence] { return be_alone(config, folder, silence); };
    const std::string text = abandoned_text({}, reason({Fault::kRestarted, {}, {}}));
    Result<void> sent =
        announce_with_care(config.broker, {status_topic(prefix), text}, kPatience, care);
    if (sent) remove_dead_seats(folder, prefix);
    return sent;
}

int give_up(int status, const Error& error) {
    log::warn(reason({Fault::kLeftBehind, {}, reason(error)}));
    return status;
}

bool contains(const std::vector<std::string>& all, const std::string& one) {
    return std::find(all.begin(), all.end(), one) != all.end();
}

}  // namespace

int end_leftovers(const Config& config) {
    const Result<std::string> folder = make_run_folder(config);
    if (!folder) return give_up(kFailed, folder.error());
    Result<BootRecord> record = BootRecord::open(*folder);
    if (!record) return give_up(kNotYet, record.error());
    const std::vector<std::string> clouds = cloud_prefixes(config);
    if (clouds.empty()) say("No cloud is to be told: there is no address (c8y.url) yet.");
    std::vector<std::string> told = record->told();
    int status = kDone;
    for (const std::string& prefix : clouds) {
        if (contains(told, prefix)) {
            say("The cloud behind " + prefix + " has been told since this start of the device.");
            continue;
        }
        const Result<void> sent = [&] {
            const Waiting waiting("waiting for MQTT broker " + config.broker.address.text());
            return tell(config, *folder, prefix);
        }();
        if (!sent) {
            status = give_up(kNotYet, sent.error());
            continue;
        }
        told.push_back(prefix);
        const Result<void> written = record->write(told);
        if (!written) log::warn(reason(written.error()));
        say("Told the cloud behind " + prefix +
            " that operations left EXECUTING by a restart have failed.");
    }
    return status;
}

}  // namespace remote_access
