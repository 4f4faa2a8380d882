// SPDX-License-Identifier: Apache-2.0
#include "check/probe_device.hpp"

#include <cstdio>
#include <utility>

#include "config/operation_file.hpp"
#include "session/launch.hpp"
#include "session/run_folder.hpp"
#include "session/session_list.hpp"

namespace remote_access {
namespace {

constexpr const char* kOperation = "operation-file";
constexpr const char* kThinEdge = "thin-edge";
constexpr const char* kFolder = "run-folder";
constexpr const char* kLogin = "login";
constexpr Milliseconds kVersionPatience{3'000};
constexpr const char* kSetup = "Run `c8y-remote-access-connect setup` as root.";

struct Version {
    int major = 0, minor = 0;
};

/// "tedge 1.5.1".
std::optional<Version> read_version(const std::string& output) {
    const std::size_t at = output.find("tedge ");
    Version version;
    if (at == std::string::npos ||
        std::sscanf(output.c_str() + at, "tedge %d.%d", &version.major, &version.minor) != 2)
        return std::nullopt;
    return version;
}

std::string why_not(const Result<CommandEnd>& end) {
    constexpr std::size_t kShown = 80;
    if (!end) return end.error().detail;
    return end->output.empty() ? end->how : printable(end->output, kShown);
}

}  // namespace

Step probe_operation_file(const Config& config) {
    const std::string path = operation_file_path(config);
    const OperationFileFound found = look_at_operation_file(path);
    if (!config.owner.enabled && !found.there) return skipped(kOperation, "policy");
    if (!found.there)
        return problem(kOperation, "there is no " + path + ": the cloud offers no remote access",
                       kSetup);
    if (!found.ours)
        return problem(kOperation, path + " is another program's, or cannot be read", kSetup);
    if (!found.complete)
        return problem(kOperation,
                       path +
                           " lacks what `setup` writes there: the mapper does not call us, or "
                           "publishes statuses of its own",
                       kSetup);
    const bool json = found.format == OperationFormat::kJson;
    return ok(kOperation, path + (json ? " (JSON)" : " (SmartREST)"));
}

/// Before 1.4 the mapper knows neither skip_status_update nor on_fragment.
Step probe_thin_edge() {
    const Result<CommandEnd> end = run_command({"tedge", "--version"}, {}, kVersionPatience);
    const auto version = end && end->approved ? read_version(end->output) : std::nullopt;
    if (!version)
        return warning(kThinEdge, "its version is not known: tedge --version: " + why_not(end),
                       "Is thin-edge.io installed, and `tedge` found by PATH?");
    if (version->major < 1 || (version->major == 1 && version->minor < 4))
        return warning(kThinEdge,
                       printable(end->output, 80) + ": its mapper publishes statuses of its own",
                       "Upgrade thin-edge.io to 1.4 or later.");
    return ok(kThinEdge, printable(end->output, 80));
}

Step probe_run_folder(const Config& config, const Places& places) {
    const Result<std::string> folder = expected_run_folder(config);
    if (!folder)
        return warning(
            kFolder,
            folder.error().detail + ": no limits.sessions, no check for repeated operations",
            cure_text("Run `c8y-remote-access-connect setup` as root, or make run.path "
                      "writable for user " +
                          config.user,
                      places));
    const Result<std::vector<LiveSession>> sessions = list_sessions(config);
    if (!sessions) return ok(kFolder, *folder);
    const auto most = static_cast<std::size_t>(config.owner.limits.sessions);
    if (sessions->size() >= most)
        return problem(kFolder, "all " + std::to_string(most) + " session(s) are in use",
                       cure_text("See `c8y-remote-access-connect sessions`: end one, or raise "
                                 "limits.sessions",
                                 places));
    return ok(kFolder, *folder + ", " + std::to_string(sessions->size()) + " of " +
                           std::to_string(most) + " session(s) in use");
}

LoginFound probe_credentials(const Config& config, const Places& places) {
    Result<Secret> basic = load_basic_authorization(config);
    if (!basic) {
        Step step = problem(kLogin, basic.error(), places);
        step.cure = cure_text("correct this file, or check c8y.credentials_path", places);
        return {std::move(step), {}};
    }
    return {ok(kLogin, "Basic, of " + config.cloud.credentials_path), std::move(*basic)};
}

}  // namespace remote_access
