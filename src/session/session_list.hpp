// SPDX-License-Identifier: Apache-2.0
// The living sessions, as their seats' files tell it to the run folder's owner and to root; and the
// polite end of one. Makes nothing and changes nothing on the disk.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/json.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "operation/request.hpp"

namespace remote_access {

struct LiveSession {
    std::string id;      ///< as in its log lines
    std::string folder;  ///< of its seat
    OperationId operation;
    std::string target;  ///< as asked for
    std::string since;   ///< UTC, ISO 8601
    pid_t pid = 0;
    bool established = false;
    std::uint64_t to_cloud = 0, to_target = 0;     ///< payload bytes
    double rate_to_cloud = 0, rate_to_target = 0;  ///< bytes per second, of with_rates()
    Milliseconds last_activity{0};  ///< CLOCK_MONOTONIC of the last payload; 0: none yet
};

/// Oldest first. The error names the folder that may not be read.
Result<std::vector<LiveSession>> list_sessions(const Config& config);

/// `now` with the rates since `before`, which was listed `span` earlier.
std::vector<LiveSession> with_rates(std::vector<LiveSession> now,
                                    const std::vector<LiveSession>& before, Milliseconds span);

/// Asks its process to end: 1001 to the cloud, our name in its record. Readable when it has ended.
Result<Fd> ask_to_end(const LiveSession& session);

/// A table with a heading, or one line that says there is none. Wider than `width` columns: three
/// lines for each session; 0: as wide as it takes.
std::string sessions_text(const std::vector<LiveSession>& sessions, Clock::time_point now,
                          std::size_t width = 0);
json::Value sessions_json(const std::vector<LiveSession>& sessions, Clock::time_point now);

}  // namespace remote_access
