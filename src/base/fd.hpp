// SPDX-License-Identifier: Apache-2.0
// A file descriptor with one owner, and the few calls around descriptors that several stations use.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.hpp"

namespace remote_access {

class Fd {
public:
    Fd() = default;
    explicit Fd(int number) : number_(number) {}
    ~Fd() { reset(); }

    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    Fd(Fd&& other) noexcept : number_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }

    int get() const { return number_; }
    explicit operator bool() const { return number_ >= 0; }
    int release() { return std::exchange(number_, -1); }
    void reset(int number = -1);

private:
    int number_ = -1;
};

/// The whole of a regular file of at most `limit` bytes. Errors carry the system's text as detail.
Result<std::string> read_file(const std::string& path,
                              std::size_t limit = std::size_t{1024} * 1024);

/// All of `text` at this place of a file. The error says `what` and the system's text.
Result<void> write_at(int fd, std::string_view text, std::size_t offset, std::string_view what);

Result<void> set_nonblocking(int fd);

/// flock(2) without waiting: whether this open file description has the lock now. The lock goes
/// with the last copy of the description, also one that another process got.
bool try_lock(int fd);
void unlock(int fd);

}  // namespace remote_access
