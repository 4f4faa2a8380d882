// SPDX-License-Identifier: Apache-2.0
#include "base/memory.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "base/fd.hpp"

using namespace remote_access;

namespace {

constexpr std::size_t kDepth = std::size_t{100} * 1024;

/// A word as the search for it has it nowhere else in memory.
std::string word(char last) { return std::string("left-on-the-stac") + last; }

/// Leaves the word far below the caller's frame.
[[gnu::noinline]] void leave_behind(const char* text, std::size_t size) {
    char buffer[kDepth];
    for (char* at = buffer; at + size <= buffer + sizeof buffer; at += 1024) {
        std::memcpy(at, text, size);
        asm volatile("" : : "r"(at) : "memory");  // it has an effect nobody sees
    }
}

/// How often `text` is found in the 128 KiB below this frame.
[[gnu::noinline]] std::size_t found(const std::string& text) {
    std::string below(std::size_t{128} * 1024, '\0');
    const Fd memory(::open("/proc/self/mem", O_RDONLY | O_CLOEXEC));
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    const ssize_t size =
        ::pread(memory.get(), below.data(), below.size(), static_cast<off_t>(here - below.size()));
    REQUIRE(size == static_cast<ssize_t>(below.size()));
    std::size_t count = 0;
    for (std::size_t at = 0; (at = below.find(text, at)) != std::string::npos; ++at) ++count;
    return count;
}

}  // namespace

TEST_CASE("what functions left on the stack is gone when it is forgotten") {
    const std::string secret = word('k');
    leave_behind(secret.data(), secret.size());
    CHECK(found(secret) > 50);
    forget_stack();
    CHECK(found(secret) == 0);
}
