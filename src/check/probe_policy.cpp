// SPDX-License-Identifier: Apache-2.0
#include "check/probe_policy.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "session/approval.hpp"

namespace remote_access {
namespace {

constexpr const char* kPolicy = "policy";
constexpr const char* kPolicyFile = "policy-file";
constexpr std::size_t kShownRules = 4;

std::string rules_text(const std::vector<AllowRule>& rules) {
    std::string all;
    for (std::size_t i = 0; i < rules.size() && i < kShownRules; ++i)
        all += (all.empty() ? "" : ", ") + rules[i].text +
               (rules[i].ports.empty() ? "" : " (some ports)");
    if (rules.size() > kShownRules)
        all += " and " + std::to_string(rules.size() - kShownRules) + " more";
    return all;
}

/// Whether the owner has said anything that somebody else must not undo.
bool restricts(const OwnerConfig& owner) {
    return !owner.enabled || !owner.approve.empty() || owner.sandbox == SandboxMode::kRequired ||
           owner.allow.front().line != 0;
}

/// `chattr +i`: not even root, so not tedge-write either. Asked of the file system, which may not
/// know it.
bool immutable(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    int flags = 0;
    return file && ::ioctl(file.get(), FS_IOC_GETFLAGS, &flags) == 0 &&
           (static_cast<unsigned>(flags) & FS_IMMUTABLE_FL) != 0;
}

bool written_by_sudo(const std::string& path) {
    return path.compare(0, 5, "/etc/") == 0 && ::access("/usr/bin/tedge-write", X_OK) == 0 &&
           ::access("/usr/bin/sudo", X_OK) == 0;
}

/// As the user who this process is; root may everything, so it is asked by owner and mode.
bool writable(const std::string& path, const Config& config) {
    const passwd* user = ::getpwnam(config.user.c_str());
    struct stat info {};
    if (::geteuid() != 0 && (user == nullptr || user->pw_uid == ::geteuid()))
        return ::access(path.c_str(), W_OK) == 0;
    if (user == nullptr || ::stat(path.c_str(), &info) != 0) return false;
    return (info.st_uid == user->pw_uid && (info.st_mode & S_IWUSR) != 0) ||
           (info.st_gid == user->pw_gid && (info.st_mode & S_IWGRP) != 0) ||
           (info.st_mode & S_IWOTH) != 0;
}

}  // namespace

Step probe_policy(const Config& config, const Places& places) {
    const OwnerConfig& owner = config.owner;
    if (!owner.enabled)
        return problem(kPolicy, "remote access is switched off (enabled = false)",
                       cure_text("set enabled = true, then run `c8y-remote-access-connect setup` "
                                 "as root",
                                 places));
    if (const Result<void> found = find_approval(owner.approve); !found)
        return problem(
            kPolicy, "no session is approved: the approve command: " + found.error().detail,
            cure_text("correct approve, a command that user " + config.user + " may run", places));
    std::string text = "allowed: " + rules_text(owner.allow);
    if (!owner.approve.empty()) text += "; each asked of the approve command";
    return ok(kPolicy, text + " (`c8y-remote-access-connect policy show` tells all)");
}

/// A warning only where the owner has rules: on a stock device there is nothing to undo, and a
/// warning that everybody has is one that nobody reads.
Step probe_policy_file(const Config& config) {
    const std::string& path = config.owner.path;
    const std::string folder = path.substr(0, path.rfind('/'));
    if (!restricts(config.owner)) return ok(kPolicyFile, "no rules of the owner's to protect");
    const bool by_user = writable(folder, config) || writable(path, config);
    const bool by_sudo = written_by_sudo(path) && !(immutable(folder) && immutable(path));
    if (!by_user && !by_sudo)
        return ok(kPolicyFile, path + " is out of the reach of user " + config.user);
    return warning(kPolicyFile,
                   "user " + config.user + (by_user ? "" : " (tedge-write by sudo)") +
                       " can change " + path +
                       ": it does not bind a cloud account that manages configuration",
                   "As root: chown root:root " + path + " && chattr +i " + folder + " " + path +
                       " (README, \"Who may change these settings\").");
}

}  // namespace remote_access
