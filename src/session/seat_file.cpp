// SPDX-License-Identifier: Apache-2.0
#include "session/seat_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <memory>

#include "base/json.hpp"
#include "session/run_folder.hpp"

namespace remote_access {
namespace {

constexpr std::string_view kSuffix = ".seat";

bool is_seat(std::string_view name) {
    return name.size() > kSuffix.size() && name.substr(name.size() - kSuffix.size()) == kSuffix;
}

/// While its session writes there: each figure is whole, together they need not be of the same
/// moment.
template <typename Figure>
void read_figure(const SeatFile& seat, std::size_t at, Figure& figure) {
    Figure read{};
    if (::pread(seat.file.get(), &read, sizeof read, static_cast<off_t>(at)) == sizeof read)
        figure = read;
}

void read_figures(SeatFile& seat) {
    read_figure(seat, kReportedAt, seat.reported);
    read_figure(seat, kCountersAt + offsetof(Counters, to_cloud), seat.to_cloud);
    read_figure(seat, kCountersAt + offsetof(Counters, to_target), seat.to_target);
    std::int64_t last_activity = 0;
    read_figure(seat, kCountersAt + offsetof(Counters, last_activity), last_activity);
    seat.last_activity = Milliseconds(last_activity);
}

void read_info(SeatFile& seat) {
    std::string page(kReportedAt, '\0');
    const ssize_t size = ::pread(seat.file.get(), page.data(), page.size(), 0);
    page.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    page.resize(std::min(page.size(), page.find('\0')));
    const Result<json::Value> info = json::parse(page);
    if (!info) return;
    seat.id = info->text_at("id");
    seat.target = info->text_at("target");
    seat.since = info->text_at("since");
    seat.pid = static_cast<pid_t>(info->integer_at("pid"));
    seat.prefix = info->text_at("prefix");
    seat.operation.id = info->text_at("operation");
    seat.salt = info->text_at("salt");
    seat.key_hash = info->text_at("key_hash");
    if (const json::Value* standing = info->find("standing"))
        seat.standing = Standing{
            std::string(standing->text_at("address")), std::string(standing->text_at("rule")),
            std::string(standing->text_at("cloud")), Milliseconds(standing->integer_at("since"))};
    read_figures(seat);
}

}  // namespace

Result<Fd> lock_seats(const std::string& folder, Milliseconds patience) {
    Result<Fd> lock = open_lock(folder, "seats.lock");
    if (!lock) return lock;
    const Result<void> locked = lock_within(lock->get(), folder + "/seats.lock", patience);
    if (!locked) return locked.error();
    return lock;
}

void note_final(const std::string& folder, const std::string& id) {
    if (id.find('/') != std::string::npos) return;
    std::string path = folder;
    path.append("/").append(id).append(kSuffix);
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW));
    if (file) write_reported(file.get(), Reported::kFinal);
}

void write_reported(int seat, Reported reported) {
    [[maybe_unused]] const ssize_t written =
        ::pwrite(seat, &reported, sizeof reported, static_cast<off_t>(kReportedAt));
}

std::vector<SeatFile> list_seats(const std::string& folder) {
    std::vector<SeatFile> seats;
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), ::closedir);
    if (!listing) return seats;
    while (const dirent* entry = ::readdir(listing.get())) {
        if (!is_seat(entry->d_name)) continue;
        SeatFile seat;
        seat.path = folder + "/" + entry->d_name;
        seat.file = Fd(::open(seat.path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
        if (!seat.file) continue;
        seat.alive = !try_lock(seat.file.get());
        read_info(seat);
        seats.push_back(std::move(seat));
    }
    return seats;
}

bool is_of_cloud(const SeatFile& seat, const std::string& prefix) {
    return seat.prefix.empty() || seat.prefix == prefix;
}

std::vector<SeatFile> adopt_orphans(const std::string& folder, const std::string& prefix) {
    const Result<Fd> lock = lock_seats(folder);
    if (!lock) return {};
    std::vector<SeatFile> seats = list_seats(folder);
    const bool busy = std::any_of(seats.begin(), seats.end(), [&](const SeatFile& seat) {
        return seat.alive && seat.reported == Reported::kExecuting && is_of_cloud(seat, prefix);
    });
    std::vector<SeatFile> orphans;
    for (SeatFile& seat : seats) {
        if (seat.alive) continue;
        const bool by_name = seat.operation.by_name();
        // By name nothing can be done too much: 507 moves only what is EXECUTING.
        seat.status_owed = seat.reported == Reported::kExecuting ||
                           (by_name && seat.reported == Reported::kNothing);
        if (!seat.status_owed && !seat.standing) {
            ::unlink(seat.path.c_str());
        } else if (!seat.status_owed || (is_of_cloud(seat, prefix) && (!by_name || !busy))) {
            orphans.push_back(std::move(seat));
        }
    }
    return orphans;
}

}  // namespace remote_access
