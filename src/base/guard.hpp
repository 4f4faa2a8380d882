// SPDX-License-Identifier: Apache-2.0
// The entry of a process: what a library throws where this device is out of descriptors or memory
// becomes a line of the log and an exit status. Errors of ours are values and never get here.
#pragma once

#include <exception>

#include "base/error.hpp"
#include "base/log.hpp"

namespace remote_access {

/// What `body` returns, or `failed` if it throws.
template <class Body>
int guarded(int failed, Body body) {
    try {
        return body();
    } catch (const std::exception& problem) {
        log::error(reason({Fault::kSystem, {}, problem.what()}));
    }
    return failed;
}

}  // namespace remote_access
