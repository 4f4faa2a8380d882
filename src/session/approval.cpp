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

/// The program of a command as a path: not by the PATH of whoever started this process.
Result<std::string> locate(const std::string& program) {
    if (program.find('/') != std::string::npos) {
        std::string path = program.front() == '/' ? program : "/" + program;
        const Result<void> found = can_start(path);
        if (!found) return found.error();
        return path;
    }
    std::istringstream folders(kCommandPath);
    for (std::string path; std::getline(folders, path, ':');) {
        path.append("/").append(program);
        if (can_start(path)) return path;
    }
    return system_error(program, ENOENT);
}

/// The words of the command, the first of them a path.
Result<std::vector<std::string>> read_command(const std::string& command) {
    std::vector<std::string> words = words_of(command);
    if (words.empty()) return Error{Fault::kSystem, {}, "the command is empty"};
    Result<std::string> program = locate(words.front());
    if (!program) return program.error();
    words.front() = std::move(*program);
    return words;
}

}  // namespace

Result<void> approve(const std::string& command, const ConnectRequest& request) {
    if (command.empty()) return {};
    const Result<std::vector<std::string>> words = read_command(command);
    if (!words) return Error{Fault::kApproval, request.target(), words.error().detail};
    const Result<CommandEnd> end =
        run_command(*words,
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
    const Result<std::vector<std::string>> words = read_command(command);
    if (!words) return words.error();
    return {};
}

}  // namespace remote_access
