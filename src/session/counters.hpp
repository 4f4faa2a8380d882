// SPDX-License-Identifier: Apache-2.0
// A session's live figures: one page of shared memory (the seat file's second page), written by the
// forwarder and read by the session and by anyone who lists the seats. No message on the data path.
#pragma once

#include <atomic>
#include <cstdint>

namespace remote_access {

/// What the cloud may know of the operation: set to kExecuting just before that is published, to
/// kFinal when the final status is acknowledged.
enum class Reported : std::uint32_t { kNothing, kExecuting, kFinal };

struct Counters {
    std::atomic<std::uint64_t> to_cloud{0};   ///< payload bytes, target → cloud
    std::atomic<std::uint64_t> to_target{0};  ///< payload bytes, cloud → target
    std::atomic<Reported> reported{Reported::kNothing};
    std::atomic<std::int64_t> last_activity{
        0};  ///< CLOCK_MONOTONIC milliseconds of the last payload
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

}  // namespace remote_access
