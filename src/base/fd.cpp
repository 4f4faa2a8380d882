// SPDX-License-Identifier: Apache-2.0
#include "base/fd.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace remote_access {

void Fd::reset(int number) {
    if (number_ >= 0) ::close(number_);
    number_ = number;
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file) return system_error("cannot be read", errno);
    struct stat info {};
    if (::fstat(file.get(), &info) != 0) return system_error("cannot be read", errno);
    if (!S_ISREG(info.st_mode)) return Error{Fault::kSystem, {}, "is not a regular file"};
    const Error too_large{Fault::kSystem, {}, "is larger than expected"};
    if (static_cast<std::uintmax_t>(info.st_size) > limit) return too_large;
    std::string content(static_cast<std::size_t>(info.st_size) + 1, '\0');
    std::size_t size = 0;
    for (;;) {
        const ssize_t count = ::read(file.get(), &content[size], content.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return system_error("cannot be read", errno);
        size += static_cast<std::size_t>(count);
        if (size > limit) return too_large;
        if (size == content.size()) content.resize(2 * size);  // it grew since
        if (count == 0) break;
    }
    content.resize(size);
    return content;
}

Result<void> write_at(int fd, std::string_view text, std::size_t offset, std::string_view what) {
    while (!text.empty()) {
        const ssize_t count = ::pwrite(fd, text.data(), text.size(), static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return system_error(what, count < 0 ? errno : ENOSPC);
        text.remove_prefix(static_cast<std::size_t>(count));
        offset += static_cast<std::size_t>(count);
    }
    return {};
}

Result<void> set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return system_error("fcntl", errno);
    return {};
}

bool try_lock(int fd) { return ::flock(fd, LOCK_EX | LOCK_NB) == 0; }

void unlock(int fd) { ::flock(fd, LOCK_UN); }

}  // namespace remote_access
