// SPDX-License-Identifier: Apache-2.0
// A session's seat: a file in the run folder, locked as long as the session lives, that says what
// it serves, what is reported of it and how it fares (Counters). The lock proves life: a file
// without it is a crash's, and the next operation ends its status and removes it (seat_file.hpp).
#pragma once

#include <string>

#include "base/fd.hpp"
#include "base/json.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "operation/request.hpp"
#include "session/counters.hpp"
#include "session/seat_file.hpp"

namespace remote_access {

class Seat {
public:
    enum class Refusal { kNone, kDuplicate, kLimit };

    Seat();
    ~Seat();
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    /// Takes a seat unless `limit` others are taken (kLimit) or one serves the same key
    /// (kDuplicate). The key is kept as a salted SHA-256 only; `prefix` says which cloud asked.
    /// Waits so long for others that are taking one: Fault::kLockHeld. Any other error means that
    /// there can be no seat.
    Result<Refusal> take(const std::string& folder, const std::string& prefix,
                         const ConnectRequest& request, int limit, Milliseconds patience);
    /// For the next start, should this process not live to tell the final status.
    void report(Reported reported);
    /// Removes the file, unless a final status is owed still: then it is left to the next start, as
    /// that of a session which died. What remains is closed with the process.
    void leave();

    /// Both ends are up: whoever finds the seat of a killed session tells of it in its place.
    void keep_record(const Standing& standing);
    void record_told();

    const std::string& id() const { return id_; }
    Counters& counters() { return *counters_; }
    int fd() const { return file_.get(); }

private:
    Result<void> create(const std::string& folder, const std::string& prefix,
                        const ConnectRequest& request);
    Result<void> write_info(const json::Object& info) const;

    std::string id_;
    std::string path_;
    Fd file_;
    Reported reported_ = Reported::kNothing;
    json::Object info_;  ///< the file's first part
    Counters* own_;      ///< mapping shared with the forwarder; in the file, if there is one
    Counters unshared_;  ///< where not even a page could be mapped
    Counters* counters_;
};

/// Leaves a seat as of a session that has died: the next start ends this operation, which is
/// EXECUTING and has none. Where that cannot be written, nothing is.
void leave_owed(const std::string& folder, const std::string& prefix, const OperationId& operation);

}  // namespace remote_access
