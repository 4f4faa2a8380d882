// SPDX-License-Identifier: Apache-2.0
#include "base/memory.hpp"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

namespace remote_access {
namespace {

/// No secret is so long, and what was reserved only (websocketpp does, up to 1 GiB, for what a
/// cloud announces) must not become memory by being wiped.
constexpr std::size_t kMostWiped = std::size_t{1024} * 1024;

constexpr std::size_t kStack = std::size_t{128} * 1024;
constexpr std::size_t kPage = 4096;  // where pages are larger, madvise fails and nothing is lost

}  // namespace

void keep_memory_private() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_CORE, &none);
    ::prctl(PR_SET_DUMPABLE, 0);
}

[[gnu::noinline]] void forget_stack() {
    char room[kStack];
    explicit_bzero(room, sizeof room);
    // The zeros need no memory.
    const std::size_t over = reinterpret_cast<std::uintptr_t>(room) % kPage;
    ::madvise(room + (over == 0 ? 0 : kPage - over), kStack - kPage, MADV_DONTNEED);
}

void* WipingAllocator::Malloc(std::size_t size) { return size == 0 ? nullptr : std::malloc(size); }

void* WipingAllocator::Realloc(void* block, std::size_t old_size, std::size_t new_size) {
    void* const moved = Malloc(new_size);
    if (moved == nullptr && new_size != 0) return nullptr;
    if (block != nullptr && moved != nullptr)
        std::memcpy(moved, block, std::min(old_size, new_size));
    Free(block);
    return moved;
}

void WipingAllocator::Free(void* block) noexcept {
    if (block == nullptr) return;
    const std::size_t size = ::malloc_usable_size(block);
    if (size <= kMostWiped) explicit_bzero(block, size);
    std::free(block);
}

}  // namespace remote_access

// A key or a JWT passes through strings, lists and callbacks that know nothing of secrets. Nothing
// on the data path is freed, so this costs nothing there. A sanitizer brings its own pair.
#if defined(__has_feature)  // clang's way to say it
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#if !SANITIZED
void operator delete(void* block) noexcept { remote_access::WipingAllocator::Free(block); }
void operator delete[](void* block) noexcept { remote_access::WipingAllocator::Free(block); }
void operator delete(void* block, std::size_t) noexcept {
    remote_access::WipingAllocator::Free(block);
}
void operator delete[](void* block, std::size_t) noexcept {
    remote_access::WipingAllocator::Free(block);
}
#endif
