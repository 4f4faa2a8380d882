// SPDX-License-Identifier: Apache-2.0
#include "check/probe_sandbox.hpp"

#include <utility>

#include "sandbox/sandbox.hpp"
#include "session/channel.hpp"
#include "session/run_folder.hpp"

namespace remote_access {
namespace {

constexpr const char* kSandbox = "sandbox";
constexpr Milliseconds kPatience{3'000};

int tell(const Fd& channel, const Result<void>& confined) {
    const message::Message answer = confined ? message::Message(message::Connected{})
                                             : message::Message(message::Failed{confined.error()});
    return send_message(channel.get(), answer) ? 0 : 1;
}

/// Both steps of it; with kRequired what is missing is an Error instead of a line in the log.
int be_forwarder(const Fd& channel, const Config& config) {
    ForwarderSandbox sandbox(SandboxMode::kRequired, config.user, config.group);
    const Result<void> handshake = sandbox.confine_handshake({});
    return tell(channel, handshake ? sandbox.confine_pump() : handshake);
}

int be_session(const Fd& channel, const Config& config) {
    const Result<std::string> folder = expected_run_folder(config);
    return tell(channel, confine_session(SandboxMode::kRequired, folder ? *folder : ""));
}

/// What is missing; empty: nothing.
std::string missing_of(const Result<Child>& child) {
    if (!child) return child.error().detail;
    Result<Received> answer = receive_first(child->channel.get(), kPatience);
    const std::string end = await_end(*child, kPatience);
    if (!answer) return "its process (" + end + ")";
    const auto* failed = std::get_if<message::Failed>(&answer->message);
    return failed != nullptr ? failed->error.detail : std::string();
}

}  // namespace

SandboxProbe::SandboxProbe(const Config& config) {
    children_.push_back(launch("c8y-ra-check", {},
                               [&config](Fd channel) { return be_forwarder(channel, config); }));
    children_.push_back(
        launch("c8y-ra-check", {}, [&config](Fd channel) { return be_session(channel, config); }));
}

Step SandboxProbe::finish(const Config& config, const std::optional<Error>& refused,
                          const Places& places) {
    std::string missing;
    for (const char* process : {"forwarder", "session"}) {
        const std::string of_this = missing_of(children_[*process == 'f' ? 0 : 1]);
        if (of_this.empty()) continue;
        missing += (missing.empty() ? "the " : "; the ") + std::string(process) +
                   " would run without: " + of_this;
    }
    if (missing.empty() && refused) missing = reason(*refused);
    if (missing.empty()) return ok(kSandbox, "user, capabilities, Landlock, seccomp, limits");
    if (config.owner.sandbox == SandboxMode::kRequired)
        return problem(kSandbox, missing,
                       cure_text("provide what is missing (kernel, container), or set sandbox = "
                                 "\"auto\"",
                                 places));
    return warning(kSandbox, missing,
                   "Use a kernel or container that has it; Landlock: Linux 5.13 and lsm=landlock.");
}

}  // namespace remote_access
