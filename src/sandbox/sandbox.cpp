// SPDX-License-Identifier: Apache-2.0
#include "sandbox/sandbox.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.hpp"
#include "sandbox/identity.hpp"
#include "sandbox/landlock.hpp"
#include "sandbox/limits.hpp"
#include "sandbox/seccomp.hpp"

namespace remote_access {
namespace {

// A sanitizer opens files, writes reports, maps what it likes and starts a symbolizer. With
// Landlock or as another user its reports would be lost without a trace, so such a build, which
// never ships, keeps what does not touch them: capabilities, no_new_privs and the limits on
// numbers.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

/// Collects what could not be had; `said` is what the log has already.
class Pieces {
public:
    explicit Pieces(std::string& said) : said_(said) {}

    void need(const Result<void>& piece) {
        if (piece || said_.find(piece.error().detail) != std::string::npos) return;
        if (!missing_.empty()) missing_ += ", ";
        missing_ += piece.error().detail;
    }

    Result<void> judge(SandboxMode mode, const char* process) const {
        if (missing_.empty()) return {};
        if (mode == SandboxMode::kRequired) return Error{Fault::kSandbox, process, missing_};
        log::warn("sandbox: the " + std::string(process) + " runs without: " + missing_);
        said_ += missing_;
        return {};
    }

private:
    std::string& said_;
    std::string missing_;
};

Result<void> no_new_privileges() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) return {};
    return system_error("no_new_privs", errno);
}

}  // namespace

Result<void> ForwarderSandbox::confine_handshake(const std::vector<std::string>& readable) {
    Pieces pieces(missing_);
    pieces.need(no_new_privileges());
    pieces.need(kSanitized ? drop_capabilities({}) : leave_root(user_, group_));
    if (!kSanitized) {
        warn_of_unreadable(readable);
        LandlockRules rules;
        rules.readable = readable;
        pieces.need(landlock(rules));
    }
    pieces.need(limit_forwarder(!kSanitized));
    // Last: the calls above are not among those that it lets through.
    if (!kSanitized) pieces.need(seccomp(CallFilter::kHandshake));
    return pieces.judge(mode_, "forwarder");
}

Result<void> ForwarderSandbox::confine_pump() {
    if (kSanitized) return {};
    Pieces pieces(missing_);
    pieces.need(landlock({}));
    pieces.need(limit_pump());
    pieces.need(seccomp(CallFilter::kPump));
    return pieces.judge(mode_, "forwarder");
}

Result<void> confine_session(SandboxMode mode, const std::string& run_folder) {
    std::string said;
    Pieces pieces(said);
    pieces.need(no_new_privileges());
    // As root it stays root: the login, keys and certificates that the final status needs may be
    // readable by root alone. It keeps what lets it reach them and kill a forwarder that is
    // another user's by now; writing is Landlock's.
    pieces.need(drop_capabilities({CAP_DAC_OVERRIDE, CAP_KILL}));
    if (!kSanitized) {
        LandlockRules rules;
        rules.reads_everywhere = true;
        rules.connects = true;
        if (!run_folder.empty()) rules.writable = {run_folder};
        pieces.need(landlock(rules));
        pieces.need(seccomp(CallFilter::kSession));
    }
    return pieces.judge(mode, "session");
}

}  // namespace remote_access
