// SPDX-License-Identifier: Apache-2.0
#include "session/run_folder.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>
#include <thread>

#include "base/time.hpp"

namespace remote_access {
namespace {

constexpr const char* kName = "/c8y-remote-access-connect";

/// Started as root (a unit without User=): the folder still belongs to thin-edge's user, so that
/// its mapper can start sessions too.
void give_to_user(const std::string& path, const Config& config) {
    if (::geteuid() != 0) return;
    const passwd* user = ::getpwnam(config.user.c_str());
    const group* members = ::getgrnam(config.group.c_str());
    if (user == nullptr || members == nullptr) return;
    if (::lchown(path.c_str(), user->pw_uid, members->gr_gid) != 0) return;
}

/// Ours means: a folder, not a link, nobody else may write to it, and we can.
Result<void> is_ours(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return system_error(path, errno);
    if (!S_ISDIR(info.st_mode) || (info.st_mode & 0022) != 0)
        return Error{Fault::kSystem, {}, path + ": not a folder that only its owner can write"};
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) return system_error(path, errno);
    return {};
}

Result<void> make(const std::string& path, const Config& config) {
    if (::mkdir(path.c_str(), 0700) == 0) {
        give_to_user(path, config);
    } else if (errno != EEXIST) {
        return system_error(path, errno);
    }
    return is_ours(path);
}

/// Whether make() would do, as far as can be seen without doing it.
Result<void> could_make(const std::string& path, const Config&) {
    if (::access(path.c_str(), F_OK) == 0) return is_ours(path);
    const std::string parent = path.substr(0, path.rfind('/'));
    if (::access(parent.c_str(), W_OK | X_OK) != 0) return system_error(parent, errno);
    return {};
}

Result<std::string> first_place(const Config& config,
                                Result<void> (*good)(const std::string&, const Config&)) {
    const std::vector<std::string> places = run_folders(config);
    const Result<void> made = good(places[0], config);
    if (made) return places[0];
    const Result<void> fallback = good(places[1], config);
    if (fallback) return places[1];
    return Error{Fault::kSystem,
                 {},
                 "no run folder (run.path, data.path): " + made.error().detail + "; " +
                     fallback.error().detail};
}

}  // namespace

Result<std::string> run_folder(const Config& config) { return first_place(config, make); }

Result<std::string> expected_run_folder(const Config& config) {
    return first_place(config, could_make);
}

std::vector<std::string> run_folders(const Config& config) {
    return {config.paths.run + kName, config.paths.data + kName};
}

Result<std::string> make_run_folder(const Config& config) {
    Result<std::string> folder = run_folder(config);
    struct stat info {};
    const passwd* user = ::getpwnam(config.user.c_str());
    if (!folder || user == nullptr || ::geteuid() != 0) return folder;
    if (::lstat(folder->c_str(), &info) != 0 || info.st_uid == user->pw_uid) return folder;
    // Made before there was this user: its locks would keep it out as the folder does.
    std::error_code code;
    for (const auto& entry : std::filesystem::directory_iterator(*folder, code)) {
        // One with another name elsewhere is not ours.
        if (entry.hard_link_count(code) == 1) give_to_user(entry.path().string(), config);
    }
    give_to_user(*folder, config);
    return folder;
}

std::vector<std::string> remove_run_folder(const Config& config) {
    std::vector<std::string> removed;
    for (const std::string& place : run_folders(config)) {
        std::error_code code;
        std::vector<std::string> locks;
        bool seats = false;
        for (const auto& entry : std::filesystem::directory_iterator(place, code)) {
            if (entry.path().extension() == ".lock")
                locks.push_back(entry.path().string());
            else
                seats = true;
        }
        if (seats) continue;
        for (const std::string& lock : locks) ::unlink(lock.c_str());
        if (::rmdir(place.c_str()) == 0) removed.push_back(place);
    }
    return removed;
}

Result<Fd> open_lock(const std::string& folder, const char* name) {
    const std::string path = folder + "/" + name;
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return system_error(path, errno);
    struct stat owner {};
    struct stat lock {};
    const bool foreign = ::geteuid() == 0 && ::stat(folder.c_str(), &owner) == 0 &&
                         ::fstat(file.get(), &lock) == 0 && lock.st_uid != owner.st_uid;
    if (!foreign) return file;
    // The folder's owner may have linked to any file here, and root would give it to him.
    if (lock.st_nlink != 1) return Error{Fault::kSystem, {}, path + ": has another name elsewhere"};
    if (::fchown(file.get(), owner.st_uid, owner.st_gid) != 0) return system_error(path, errno);
    return file;
}

Result<void> lock_within(int lock, const std::string& name, Milliseconds patience) {
    constexpr Milliseconds kLongestPause{32};
    const Deadline deadline = Deadline::in(patience);
    for (Milliseconds pause{1}; !try_lock(lock); pause = std::min(2 * pause, kLongestPause)) {
        if (deadline.over()) return Error{Fault::kLockHeld, name, format_duration(patience)};
        std::this_thread::sleep_for(pause);
    }
    return {};
}

}  // namespace remote_access
