// SPDX-License-Identifier: Apache-2.0
#include "session/run_folder.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

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
    if (::chown(path.c_str(), user->pw_uid, members->gr_gid) != 0) return;
}

/// Ours means: a folder, not a link, nobody else may write to it, and we can.
Result<void> make(const std::string& path, const Config& config) {
    if (::mkdir(path.c_str(), 0700) == 0) {
        give_to_user(path, config);
    } else if (errno != EEXIST) {
        return system_error(path, errno);
    }
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return system_error(path, errno);
    if (!S_ISDIR(info.st_mode) || (info.st_mode & 0022) != 0)
        return Error{Fault::kSystem, {}, path + ": not a folder that only its owner can write"};
    if (::access(path.c_str(), R_OK | W_OK | X_OK) != 0) return system_error(path, errno);
    return {};
}

}  // namespace

Result<std::string> run_folder(const Config& config) {
    std::string first = config.paths.run + kName;
    const Result<void> made = make(first, config);
    if (made) return first;
    std::string second = config.paths.data + kName;
    const Result<void> fallback = make(second, config);
    if (fallback) return second;
    return Error{Fault::kSystem,
                 {},
                 "no run folder (run.path, data.path): " + made.error().detail + "; " +
                     fallback.error().detail};
}

Result<Fd> open_lock(const std::string& folder, const char* name) {
    const std::string path = folder + "/" + name;
    Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return system_error(path, errno);
    return file;
}

}  // namespace remote_access
