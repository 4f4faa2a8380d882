// SPDX-License-Identifier: Apache-2.0
// What a process leaves behind of what it held: freed memory is overwritten (this file replaces the
// program's operator delete), the stack below is cleared where the work that used it is done, and
// there is no core file and no ptrace by the same user.
#pragma once

#include <cstddef>

namespace remote_access {

/// From now on neither a core file nor another process of the same user sees this one's memory.
void keep_memory_private();

/// Clears what functions that have returned left on the stack: 128 KiB below the caller's frame.
void forget_stack();

/// malloc for a library that takes an allocator (RapidJSON): what it frees is overwritten.
struct WipingAllocator {
    static constexpr bool kNeedFree = true;
    void* Malloc(std::size_t size);
    void* Realloc(void* block, std::size_t old_size, std::size_t new_size);
    static void Free(void* block) noexcept;
};

}  // namespace remote_access
