// SPDX-License-Identifier: Apache-2.0
#include "forwarder/trust.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string_view>

#include "base/error.hpp"

namespace remote_access {
namespace {

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

/// "5ed36f99.0", as openssl rehash makes them.
bool is_hash_link(std::string_view name) {
    constexpr std::string_view kHex = "0123456789abcdef", kDigits = "0123456789";
    return name.size() >= 10 && name[8] == '.' &&
           name.substr(0, 8).find_first_not_of(kHex) == std::string_view::npos &&
           name.substr(9).find_first_not_of(kDigits) == std::string_view::npos;
}

void add_folder(TrustPlan& plan, const std::string& path) {
    const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
    if (!folder) {
        plan.warnings.push_back("trust folder " + system_error(path, errno).detail);
        return;
    }
    std::vector<std::string> files;
    while (const dirent* entry = ::readdir(folder.get())) {
        if (is_hash_link(entry->d_name)) {
            plan.hashed_folders.push_back(path);
            return;
        }
        std::string file = path + "/" + entry->d_name;
        struct stat info {};
        if (::stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode)) files.push_back(file);
    }
    std::sort(files.begin(), files.end());
    plan.files.insert(plan.files.end(), files.begin(), files.end());
}

}  // namespace

TrustPlan plan_trust(const std::vector<std::string>& paths, const std::string& system_folder) {
    TrustPlan plan;
    std::vector<struct stat> seen;  // the configured folder often is the system's
    const auto add = [&plan, &seen](const std::string& path, bool required) {
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0) {
            if (required)
                plan.warnings.push_back("trusted certificates " + system_error(path, errno).detail);
            return;
        }
        for (const struct stat& other : seen) {
            if (other.st_dev == info.st_dev && other.st_ino == info.st_ino) return;
        }
        seen.push_back(info);
        if (S_ISDIR(info.st_mode)) {
            add_folder(plan, path);
        } else {
            plan.files.push_back(path);
        }
    };
    for (const std::string& path : paths) add(path, true);
    add(system_folder, false);
    return plan;
}

}  // namespace remote_access
