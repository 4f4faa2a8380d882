// SPDX-License-Identifier: Apache-2.0
// Which clouds have been told, since this start of the device, that what the last one left
// EXECUTING has failed: a file in the run folder, locked by whoever is about to tell. Below /run it
// goes with the boot; elsewhere its first line says which boot it is of.
#pragma once

#include <string>
#include <vector>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace remote_access {

/// Another one after each start, of a container as well: its process 1 is new. Empty: not known.
std::string boot_identity();

class BootRecord {
public:
    /// Waits at most a second for another process that has it open.
    static Result<BootRecord> open(const std::string& folder);

    /// The clouds told since this boot, by their topic prefix.
    std::vector<std::string> told() const;
    Result<void> write(const std::vector<std::string>& clouds);

private:
    explicit BootRecord(Fd file) : file_(std::move(file)) {}
    Fd file_;
};

}  // namespace remote_access
