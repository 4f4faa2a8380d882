// SPDX-License-Identifier: Apache-2.0
#include "config/operation_file.hpp"

#include <sys/stat.h>

#include <sstream>

#include "config/toml.hpp"

namespace remote_access {
namespace {

constexpr std::string_view kProgram = "c8y-remote-access-connect";

/// Also behind a wrapper (`sudo c8y-remote-access-connect`) and with its path.
bool calls_us(std::string_view command) {
    std::istringstream words{std::string(command)};
    for (std::string word; words >> word;) {
        const std::size_t slash = word.rfind('/');
        const std::string name = slash == std::string::npos ? word : word.substr(slash + 1);
        if (name == kProgram) return true;
    }
    return false;
}

bool says(const TomlNode& table, std::string_view key, std::string_view wanted) {
    const TomlNode* node = table.find(key);
    return node != nullptr && node->text.reveal() == wanted;
}

}  // namespace

OperationFileFound look_at_operation_file(const std::string& path) {
    OperationFileFound found;
    struct stat info {};
    found.there = ::lstat(path.c_str(), &info) == 0;
    const auto root = read_toml(path);
    const TomlNode* execute = root ? root->find("exec") : nullptr;
    const TomlNode* command = execute ? execute->find("command") : nullptr;
    found.ours = command && calls_us(command->text.reveal());
    if (!found.ours) return found;
    const bool json = execute->find("on_fragment") != nullptr;
    found.format = json ? OperationFormat::kJson : OperationFormat::kSmartRest;
    const TomlNode* silent = execute->find("skip_status_update");
    const bool called =
        json ? says(*execute, "on_fragment", "c8y_RemoteAccessConnect") &&
                   command->text.reveal().find("${.payload}") != std::string::npos
             : says(*execute, "on_message", "530") && execute->find("topic") != nullptr;
    found.complete = called && silent != nullptr && silent->flag;
    return found;
}

}  // namespace remote_access
