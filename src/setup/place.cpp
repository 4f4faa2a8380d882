// SPDX-License-Identifier: Apache-2.0
#include "setup/place.hpp"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <thread>

#include "base/fd.hpp"
#include "base/time.hpp"

namespace remote_access {
namespace {

constexpr mode_t kMode = 0644;
constexpr Milliseconds kLockPatience{5'000}, kLockPoll{10};

Error failed(const char* what) { return system_error(what, errno); }

/// All of `path` that is missing, from the top down.
Result<void> make_folders(const std::string& path, const Placed& wish) {
    if (::mkdir(path.c_str(), 0700) != 0) {
        if (errno == EEXIST) return {};
        const std::size_t slash = path.rfind('/');
        if (errno != ENOENT || slash == std::string::npos || slash == 0)
            return system_error(path, errno);
        Result<void> above = make_folders(path.substr(0, slash), wish);
        if (!above) return above;
        if (::mkdir(path.c_str(), 0700) != 0)
            return errno == EEXIST ? Result<void>() : system_error(path, errno);
    }
    const Fd made(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made) return system_error(path, errno);
    if (wish.owner && ::fchown(made.get(), wish.owner->user, wish.owner->group) != 0)
        return system_error(path, errno);
    if (::fchmod(made.get(), wish.folder_mode) != 0) return system_error(path, errno);  // no umask
    return {};
}

Result<Fd> lock_folder(const std::string& path) {
    Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return system_error(path, errno);
    const Deadline deadline = Deadline::in(kLockPatience);
    while (!try_lock(folder.get())) {
        if (deadline.over()) return Error{Fault::kSystem, {}, path + ": locked by another process"};
        std::this_thread::sleep_for(kLockPoll);
    }
    return folder;
}

bool is_right(const Placed& wish, int folder) {
    struct stat info {};
    if (::fstatat(folder, wish.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (!S_ISREG(info.st_mode) || (info.st_mode & 07777) != kMode) return false;
    if (wish.owner && (info.st_uid != wish.owner->user || info.st_gid != wish.owner->group))
        return false;
    const Result<std::string> content = read_file(wish.folder + "/" + wish.name);
    return content && *content == wish.content;
}

Result<void> write_new(const Placed& wish, int folder, const std::string& name) {
    ::unlinkat(folder, name.c_str(), 0);  // of one that was killed: we hold the lock
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const Fd file(::openat(folder, name.c_str(), flags, 0600));
    if (!file) return failed("cannot be written");
    Result<void> written = write_at(file.get(), wish.content, 0, "cannot be written");
    if (!written) return written;
    if (wish.owner && ::fchown(file.get(), wish.owner->user, wish.owner->group) != 0)
        return failed("cannot be given to thin-edge's user");
    if (::fchmod(file.get(), kMode) != 0 || ::fsync(file.get()) != 0)
        return failed("cannot be written");
    return {};
}

}  // namespace

std::optional<Owner> find_owner(const std::string& user, const std::string& group) {
    const passwd* entry = ::getpwnam(user.c_str());
    if (entry == nullptr) return std::nullopt;
    const uid_t uid = entry->pw_uid;
    const ::group* members = ::getgrnam(group.c_str());
    if (members == nullptr) return std::nullopt;
    return Owner{uid, members->gr_gid};
}

Result<Change> place_file(const Placed& wish) {
    const Result<void> folders = make_folders(wish.folder, wish);
    if (!folders) return folders.error();
    const Result<Fd> folder = lock_folder(wish.folder);
    if (!folder) return folder.error();
    if (is_right(wish, folder->get())) return Change::kNone;
    // thin-edge passes over a name with a dot in it.
    const std::string fresh = "." + wish.name + ".new";
    const Result<void> written = write_new(wish, folder->get(), fresh);
    if (written &&
        ::renameat(folder->get(), fresh.c_str(), folder->get(), wish.name.c_str()) == 0) {
        ::fsync(folder->get());
        return Change::kDone;
    }
    const int code = errno;
    ::unlinkat(folder->get(), fresh.c_str(), 0);
    if (!written) return written.error();
    if (code == EISDIR) return Error{Fault::kSystem, {}, "a folder is in its place: remove that"};
    return system_error("cannot be replaced", code);
}

Result<Change> remove_file(const std::string& path) {
    if (::unlink(path.c_str()) == 0) return Change::kDone;
    if (errno == ENOENT || errno == ENOTDIR) return Change::kNone;
    return failed("cannot be removed");
}

}  // namespace remote_access
