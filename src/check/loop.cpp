// SPDX-License-Identifier: Apache-2.0
#include "check/loop.hpp"

#include <algorithm>

namespace remote_access {

ProbeLoop::ProbeLoop(Milliseconds patience)
    : keep_running_(asio::make_work_guard(io_)),
      patience_(patience),
      deadline_(Deadline::in(patience)) {}

bool ProbeLoop::await(const std::function<bool()>& done, std::optional<Milliseconds> at_most) {
    const Clock::time_point end =
        at_most ? std::min(deadline_.time(), Clock::now() + *at_most) : deadline_.time();
    io_.poll();  // what has happened meanwhile counts, also when it is late
    while (!done()) {
        if (io_.run_one_until(end) == 0) return done();
    }
    return true;
}

}  // namespace remote_access
