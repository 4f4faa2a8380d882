// SPDX-License-Identifier: Apache-2.0
// A private folder in memory for readers of files: the product opens real paths, and a run costs
// microseconds.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "config/toml.hpp"
#include "property.hpp"

namespace remote_access::fuzz {

class MemoryFolder {
public:
    MemoryFolder() {
        const char* parent = std::getenv("TMPDIR");
        path_ = std::string(parent != nullptr ? parent : "/dev/shm") + "/fuzz-XXXXXX";
        require(::mkdtemp(path_.data()) != nullptr, "the private folder can be made");
    }
    ~MemoryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    MemoryFolder(const MemoryFolder&) = delete;
    MemoryFolder& operator=(const MemoryFolder&) = delete;

    const std::string& path() const { return path_; }
    std::string file(const std::string& name) const { return path_ + "/" + name; }

    void write(const std::string& name, std::string_view content) const {
        const std::string path = file(name);
        int fd = open(path);
        if (fd < 0) {
            std::filesystem::create_directories(std::filesystem::path(path).parent_path());
            fd = open(path);
        }
        require(fd >= 0 && ::write(fd, content.data(), content.size()) ==
                               static_cast<ssize_t>(content.size()),
                "the private folder can be written");
        ::close(fd);
    }
    void remove(const std::string& name) const { ::unlink(file(name).c_str()); }

private:
    static int open(const std::string& path) {
        return ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    std::string path_;
};

inline bool names_secret(const TomlNode& node) {
    if (spells_secret(node.key)) return true;
    return std::any_of(node.children.begin(), node.children.end(), names_secret);
}

/// Errors name the keys of a file, so a secret in the place of a key is no secret.
inline bool is_a_key(std::string_view document) {
    const Result<TomlNode> root = parse_toml(document);
    return root && names_secret(*root);
}

}  // namespace remote_access::fuzz
