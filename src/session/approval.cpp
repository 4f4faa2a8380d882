// SPDX-License-Identifier: Apache-2.0
#include "session/approval.hpp"

#include <sstream>
#include <vector>

#include "session/launch.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kPatience{30'000};

}  // namespace

Result<void> approve(const std::string& command, const ConnectRequest& request) {
    if (command.empty()) return {};
    std::istringstream text(command);
    std::vector<std::string> words;
    for (std::string word; text >> word;) words.push_back(word);
    const Result<CommandEnd> end =
        run_command(words,
                    {"C8Y_REMOTE_ACCESS_HOST=" + request.host,
                     "C8Y_REMOTE_ACCESS_PORT=" + std::to_string(request.port),
                     "C8Y_REMOTE_ACCESS_OPERATION=" + request.operation.id},
                    kPatience);
    if (!end) return Error{Fault::kApproval, request.target(), end.error().detail};
    if (end->stopped) return stopped_error();
    if (end->approved) return {};
    const std::string said = end->output.empty() ? end->how : end->output;
    return Error{Fault::kApproval, request.target(), said};
}

}  // namespace remote_access
