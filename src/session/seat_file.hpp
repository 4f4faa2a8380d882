// SPDX-License-Identifier: Apache-2.0
// The seats' files as anyone may read them: who lives, who has died, and with what status owed.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/time.hpp"
#include "operation/request.hpp"
#include "session/counters.hpp"
#include "session/run_folder.hpp"

namespace remote_access {

/// What the cloud may know of the operation: kExecuting just before that is published, kFinal when
/// the final status is acknowledged.
enum class Reported : std::uint32_t { kNothing, kExecuting, kFinal };

// A seat's file: JSON, what is reported in its last bytes, and far behind it the Counters, which
// are mapped: 64 KiB are whole pages on every kernel (arm64 has pages of 4, 16 and 64).
constexpr std::size_t kSeatInfo = 4096;
constexpr std::size_t kReportedAt = kSeatInfo - sizeof(Reported);
constexpr std::size_t kCountersAt = std::size_t{64} * 1024;
constexpr std::size_t kCountersRoom = 4096;

/// What the record of a session needs beside its counters, once both ends are up.
struct Standing {
    std::string address, rule, cloud;
    Milliseconds since{0};  ///< CLOCK_MONOTONIC
};

struct SeatFile {
    std::string path;
    Fd file;             ///< of a dead session: locked by us now, so nobody else handles it
    bool alive = false;  ///< its session holds the lock
    std::string id, target, since;
    std::string prefix;  ///< of the cloud's topics; empty: not known
    pid_t pid = 0;
    OperationId operation;
    std::string salt, key_hash;
    Reported reported = Reported::kNothing;
    std::uint64_t to_cloud = 0, to_target = 0;  ///< of Counters, as they are now
    Milliseconds last_activity{0};
    std::optional<Standing> standing;  ///< it stood, and its event has not been published
    bool status_owed = false;          ///< of a dead session that was adopted
};

/// Taking a seat and judging who is dead exclude each other: the lock goes with the descriptor.
/// kLockHeld: others had it for so long. Every other error means that there can be no lock.
Result<Fd> lock_seats(const std::string& folder, Milliseconds patience = kLockPatience);

/// Of the seat with this id, dead or alive, that its final status is told.
void note_final(const std::string& folder, const std::string& id);

/// Of the seat with this open file. Nothing to do about it if it fails.
void write_reported(int seat, Reported reported);

std::vector<SeatFile> list_seats(const std::string& folder);

/// Its status is owed to the cloud behind `prefix`, as far as is known.
bool is_of_cloud(const SeatFile& seat, const std::string& prefix);

/// Dead sessions whose operation is EXECUTING for ever unless somebody ends it in the cloud behind
/// `prefix`, or whose event is owed; the files of the others that died are removed. Who owes a
/// status by name is left out while another operation of that cloud may be EXECUTING, because by
/// name it cannot be told from that. Waits at most a second for the lock; without it there is
/// nothing to adopt for now.
std::vector<SeatFile> adopt_orphans(const std::string& folder, const std::string& prefix);

}  // namespace remote_access
