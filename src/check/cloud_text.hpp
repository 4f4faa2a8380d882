// SPDX-License-Identifier: Apache-2.0
// What the doctor says of the cloud's certificate and of its answer. Pure: what was seen comes in
// as values.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "check/cure.hpp"
#include "check/report.hpp"

namespace remote_access {

/// What is known of a handshake beside how it went.
struct Handshake {
    std::string certificate;               ///< what was shown, in words; may be empty
    std::vector<std::string> trust;        ///< files and folders that are trusted
    std::vector<std::string> trust_notes;  ///< what could not be read of them
    std::string clock;                     ///< what this device takes for the time
};
/// `done`: protocol and cipher, or why not.
Step tls_step(const Result<std::string>& done, const Handshake& handshake, const Places& places);

/// The answer to a request with a key that no operation has: any that a service for devices would
/// give is fine.
Step upgrade_step(const Result<std::string>& answer, const Places& places);

}  // namespace remote_access
