// SPDX-License-Identifier: Apache-2.0
// Why an attempt to reach the cloud ended, and whether another one may help. A value.
#pragma once

#include "base/error.hpp"

namespace remote_access {

struct Refusal {
    enum class Next { kGiveUp, kAgain, kAgainWithFreshToken };
    Error error;
    Next next = Next::kGiveUp;
};

/// HTTP statuses that pass by themselves: too many requests, and what a server has to answer for.
inline bool is_passing(int status) { return status == 429 || (status >= 500 && status <= 599); }

}  // namespace remote_access
