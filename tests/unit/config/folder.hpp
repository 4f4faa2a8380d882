// SPDX-License-Identifier: Apache-2.0
// A private configuration folder for one test, removed with it.
#pragma once

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "config/config.hpp"

namespace remote_access::test {

class Folder {
public:
    Folder() {
        char name[] = "/tmp/remote-access-config-XXXXXX";
        path_ = mkdtemp(name);
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }

    void write(const std::string& name, const std::string& content) const {
        std::filesystem::create_directories(std::filesystem::path(file(name)).parent_path());
        std::ofstream(file(name), std::ios::binary) << content;
    }
    void make_folder(const std::string& name) const {
        std::filesystem::create_directories(file(name));
    }

    ConfigSource source(const std::string& profile = {},
                        std::map<std::string, std::string> tedge_env = {}) const {
        return {path_, profile, std::move(tedge_env)};
    }

private:
    std::string path_;
};

/// "subject | detail" of the error, "" when there is none; `folder` is written as "@".
template <class T>
std::string told(const Result<T>& result, const Folder& folder) {
    if (result) return {};
    std::string subject = result.error().subject, detail = result.error().detail;
    for (std::string* text : {&subject, &detail}) {
        for (std::size_t at; (at = text->find(folder.path())) != std::string::npos;)
            text->replace(at, folder.path().size(), "@");
    }
    return subject + " | " + detail;
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace remote_access::test
