// SPDX-License-Identifier: Apache-2.0
#include "session/approval.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <vector>

#include "session/launch.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kPatience{30'000};

std::vector<std::string> words_of(const std::string& command) {
    std::istringstream text(command);
    std::vector<std::string> words;
    for (std::string word; text >> word;) words.push_back(word);
    return words;
}

Result<void> can_start(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return system_error(path, errno);
    if (!S_ISREG(info.st_mode)) return system_error(path, EACCES);
    if (::access(path.c_str(), X_OK) != 0) return system_error(path, errno);
    return {};
}

}  // namespace

Result<void> approve(const std::string& command, const ConnectRequest& request) {
    if (command.empty()) return {};
    const Result<CommandEnd> end =
        run_command(words_of(command),
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

Result<void> find_approval(const std::string& command) {
    if (command.empty()) return {};
    const std::string program = words_of(command).front();
    if (program.find('/') != std::string::npos)
        return can_start(program.front() == '/' ? program : "/" + program);
    std::istringstream folders(kCommandPath);
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (can_start(folder + "/" + program)) return {};
    }
    return system_error(program, ENOENT);
}

}  // namespace remote_access
