// SPDX-License-Identifier: Apache-2.0
#include "sandbox/landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/fd.hpp"
#include "base/log.hpp"

namespace remote_access {
namespace {

using Rights = std::uint64_t;

constexpr Rights kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr Rights kFirst = (Rights{1} << 13U) - 1;  // all of ABI 1
// Newer than the headers of Debian 12, with the ABI that brought them (linux/landlock.h).
constexpr Rights kRefer = Rights{1} << 13U;                         // 2
constexpr Rights kTruncate = Rights{1} << 14U;                      // 3
constexpr Rights kDeviceIoctl = Rights{1} << 15U;                   // 5
constexpr Rights kBindTcp = 1U << 0U, kConnectTcp = 1U << 1U;       // 4
constexpr Rights kAbstractSockets = 1U << 0U, kSignals = 1U << 1U;  // 6

constexpr Rights kChangeFiles = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
                                LANDLOCK_ACCESS_FS_REMOVE_FILE | kTruncate;
constexpr Rights kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                            LANDLOCK_ACCESS_FS_READ_FILE | kTruncate | kDeviceIoctl;

struct RulesetAttributes {
    Rights files = 0, network = 0, scoped = 0;
};

/// What this kernel knows of what is asked for; an older one refuses the rest.
RulesetAttributes attributes(const LandlockRules& rules, long abi) {
    RulesetAttributes wanted;
    wanted.files = kFirst;
    if (abi >= 2) wanted.files |= kRefer;
    if (abi >= 3) wanted.files |= kTruncate;
    if (abi >= 5 && !rules.reads_everywhere) wanted.files |= kDeviceIoctl;
    if (rules.reads_everywhere) wanted.files &= ~kRead;
    if (abi >= 4) wanted.network = rules.connects ? kBindTcp : kBindTcp | kConnectTcp;
    if (abi >= 6 && !rules.connects) wanted.scoped = kAbstractSockets | kSignals;
    return wanted;
}

std::size_t size_for(long abi) {
    const std::size_t fields = abi >= 6 ? 3 : abi >= 4 ? 2 : 1;
    return fields * sizeof(Rights);
}

bool allow(int ruleset, const std::string& path, Rights rights) {
    const Fd place(::open(path.c_str(), O_PATH | O_CLOEXEC));
    if (!place) return errno == ENOENT || errno == EACCES;  // then nobody reads it either
    struct stat info {};
    if (::fstat(place.get(), &info) != 0) return false;
    if (!S_ISDIR(info.st_mode)) rights &= kOfFiles;
    if (rights == 0) return true;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = rights;
    rule.parent_fd = place.get();
    return ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

bool allow_all(int ruleset, const std::vector<std::string>& paths, Rights rights) {
    for (const std::string& path : paths) {
        if (!allow(ruleset, path, rights)) return false;
    }
    return true;
}

}  // namespace

Result<void> landlock(const LandlockRules& rules) {
    const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0},
                               LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) return system_error("Landlock", errno);
    // seccomp alone then keeps the forwarder from sockets; no piece is missing for that.
    if (abi < 4) log::debug("sandbox: this kernel's Landlock has no TCP rules (Linux 6.7 has)");
    const RulesetAttributes wanted = attributes(rules, abi);
    const Fd ruleset(static_cast<int>(
        ::syscall(SYS_landlock_create_ruleset, &wanted, size_for(abi), std::uint32_t{0})));
    if (!ruleset) return system_error("Landlock", errno);
    if (!allow_all(ruleset.get(), rules.readable, kRead & wanted.files) ||
        !allow_all(ruleset.get(), rules.writable, kChangeFiles & wanted.files) ||
        ::syscall(SYS_landlock_restrict_self, ruleset.get(), std::uint32_t{0}) != 0)
        return system_error("Landlock", errno);
    return {};
}

}  // namespace remote_access
