// SPDX-License-Identifier: Apache-2.0
#include "sandbox/identity.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/log.hpp"

namespace remote_access {
namespace {

constexpr uid_t kOverflow = 65534;  // the kernel's own "nobody", where /etc/passwd has none

struct Identity {
    uid_t user = kOverflow;
    gid_t group = kOverflow;
};

Identity identity_of(const std::string& user, const std::string& group) {
    const passwd* found = ::getpwnam(user.c_str());
    // A user with number 0 would be root again.
    const bool usable = found != nullptr && found->pw_uid != 0;
    if (!usable) found = ::getpwnam("nobody");
    if (found == nullptr || found->pw_uid == 0) return {};
    Identity identity{found->pw_uid, found->pw_gid};
    if (!usable) return identity;
    const ::group* members = ::getgrnam(group.c_str());
    if (members != nullptr && members->gr_gid != 0) identity.group = members->gr_gid;
    return identity;
}

/// Needs CAP_SETPCAP. For those without it no_new_privs says the same: no program gives any back.
void drop_bounding_set(std::uint64_t kept) {
    for (int one = 0; one < 64; ++one) {
        if ((kept >> static_cast<unsigned>(one) & 1U) != 0) continue;
        if (::prctl(PR_CAPBSET_DROP, one, 0, 0, 0) != 0) return;  // beyond the last, or no right
    }
}

Result<void> set_capabilities(std::uint64_t kept) {
    ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> has{}, want{};
    if (::syscall(SYS_capget, &header, has.data()) != 0)
        return system_error("dropped capabilities", errno);
    const std::array parts{static_cast<std::uint32_t>(kept),
                           static_cast<std::uint32_t>(kept >> 32U)};
    for (std::size_t word = 0; word < parts.size(); ++word)
        want[word].permitted = want[word].effective = has[word].permitted & parts[word];
    // As in our unit, which leaves none, and whose system call filter refuses capset.
    if (std::memcmp(has.data(), want.data(), sizeof has) == 0) return {};
    if (::syscall(SYS_capset, &header, want.data()) != 0)
        return system_error("dropped capabilities", errno);
    return {};
}

}  // namespace

Result<void> drop_capabilities(const std::vector<int>& kept) {
    std::uint64_t mask = 0;
    if (::geteuid() == 0) {
        for (const int one : kept) mask |= std::uint64_t{1} << static_cast<unsigned>(one);
    }
    drop_bounding_set(mask);
    return set_capabilities(mask);
}

Result<void> leave_root(const std::string& user, const std::string& group) {
    const bool root = ::geteuid() == 0 || ::getuid() == 0;
    if (!root) return drop_capabilities({});
    const Identity identity = identity_of(user, group);
    drop_bounding_set(0);  // while CAP_SETPCAP is there
    // The process is made undumpable again: a change of user takes the machine's default.
    const bool left = ::setgroups(0, nullptr) == 0 &&
                      ::setresgid(identity.group, identity.group, identity.group) == 0 &&
                      ::setresuid(identity.user, identity.user, identity.user) == 0;
    const int code = errno;
    ::prctl(PR_SET_DUMPABLE, 0);
    Result<void> dropped = set_capabilities(0);
    if (!left) return system_error("a user other than root", code);
    return dropped;
}

Result<void> become_user(const std::string& user, const std::string& group) {
    const passwd* found = ::getpwnam(user.c_str());
    const ::group* members = ::getgrnam(group.c_str());
    if (found == nullptr) return Error{Fault::kSystem, user, "no such user"};
    const gid_t own = members != nullptr ? members->gr_gid : found->pw_gid;
    const uid_t number = found->pw_uid;
    drop_bounding_set(0);  // while CAP_SETPCAP is there
    if (::initgroups(user.c_str(), own) != 0 || ::setresgid(own, own, own) != 0 ||
        ::setresuid(number, number, number) != 0)
        return system_error("user " + user, errno);
    ::prctl(PR_SET_DUMPABLE, 0);
    return set_capabilities(0);
}

void warn_of_unreadable(const std::vector<std::string>& paths) {
    for (const std::string& path : paths) {
        if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0 || errno == ENOENT) continue;
        log::warn("sandbox: trust " + system_error(path, errno).detail + " (for user " +
                  std::to_string(::geteuid()) + "): certificates in it are not found");
    }
}

}  // namespace remote_access
