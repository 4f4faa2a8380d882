// SPDX-License-Identifier: Apache-2.0
// What a peer says goes into reasons and logs, and it may repeat our secrets: they become ***
// there. Pure; holds the secrets, so it lives no longer than the talk with that peer.
#pragma once

#include <string>
#include <vector>

#include "base/secret.hpp"

namespace remote_access {

class Hidden {
public:
    /// Those that contain others come first.
    void add(Secret secret);
    /// `text` without them as one printable line, also without the beginning of one at its end: it
    /// may have been cut.
    std::string in(std::string text) const;

private:
    std::vector<Secret> secrets_;
};

}  // namespace remote_access
