// SPDX-License-Identifier: Apache-2.0
// How long the other end of a connection has owed an acknowledgement. The kernel only says that it
// owes one, and how old its last one is; after a pause of the session that is older than the debt.
// So the debt is counted from the first look that finds it, and from the last acknowledgement.
#pragma once

#include <algorithm>
#include <optional>

#include "base/time.hpp"

namespace remote_access {

class Debt {
public:
    /// `age`: of the last acknowledgement while one is owed, else zero. To be called regularly.
    Milliseconds look(Milliseconds age, Clock::time_point now) {
        if (age.count() == 0) {
            since_.reset();
            return age;
        }
        if (!since_.has_value()) since_ = now;
        return std::min(age, std::chrono::duration_cast<Milliseconds>(now - *since_));
    }
    bool open() const { return since_.has_value(); }

private:
    std::optional<Clock::time_point> since_;
};

}  // namespace remote_access
