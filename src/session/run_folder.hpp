// SPDX-License-Identifier: Apache-2.0
// The run folder (seats and locks): <run.path>/c8y-remote-access-connect, 0700, of thin-edge's
// user; where it cannot be made, the same name below data.path. Every process derives it alike.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "config/config.hpp"

namespace remote_access {

/// Makes the folder if it is not there. The error names both places.
Result<std::string> run_folder(const Config& config);

/// Where it may be: the places that run_folder() tries, in their order.
std::vector<std::string> run_folders(const Config& config);

/// What run_folder() would give, without making anything.
Result<std::string> expected_run_folder(const Config& config);

/// As run_folder(), and what is there already goes to thin-edge's user as well; for `setup`.
Result<std::string> make_run_folder(const Config& config);

/// Removes the folder, wherever it is, unless a session has its seat there. The ones removed.
std::vector<std::string> remove_run_folder(const Config& config);

/// Opens (and makes) a lock file in the folder; does not lock it. It is the folder's owner's, also
/// where root makes it: a lock of root's would keep thin-edge's user out.
Result<Fd> open_lock(const std::string& folder, const char* name);

constexpr Milliseconds kLockPatience{1'000};  ///< of who can do without

/// Tries again after growing pauses: 200 that ask each millisecond leave no processor to the one
/// that has it. Fault::kLockHeld when the time is over.
Result<void> lock_within(int lock, const std::string& name, Milliseconds patience);

}  // namespace remote_access
