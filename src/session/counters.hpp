// SPDX-License-Identifier: Apache-2.0
// A session's live figures: shared memory (in the seat's file), written by the forwarder and read
// by the session and by anyone who lists the seats. No message on the data path. Whoever takes the
// forwarder over writes here what he likes: nothing that decides about a status may be in it.
#pragma once

#include <atomic>
#include <cstdint>

namespace remote_access {

struct Counters {
    std::atomic<std::uint64_t> to_cloud{0};   ///< payload bytes, target → cloud
    std::atomic<std::uint64_t> to_target{0};  ///< payload bytes, cloud → target
    std::atomic<std::int64_t> last_activity{
        0};  ///< CLOCK_MONOTONIC milliseconds of the last payload
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace remote_access
