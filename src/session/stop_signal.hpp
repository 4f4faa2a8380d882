// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGINT as something to wait for, in the processes that serve a session: held back
// from the start in every thread, so that none dies of them or steals them, and taken from a
// descriptor by the event loop. Between the two a stop waits; stop_pending() tells.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <csignal>
#include <functional>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace remote_access {

/// The two signals.
sigset_t stop_signals();

/// Blocks them, before there is a second thread.
void hold_stop_signals();

/// Whether one has been sent that no StopSignal has taken.
bool stop_pending();

/// Asks the process to end as `sessions end` does: it says in its record who asked.
Result<void> send_stop(int pidfd);

/// What ended is told as: the session was stopped on this device.
Error stopped_error();

class StopSignal : public std::enable_shared_from_this<StopSignal> {
public:
    explicit StopSignal(asio::io_context& io);

    /// `on_stop` comes with each signal, one that waits already included, and with what the record
    /// says of it; the log says who sent it.
    void start(std::function<void(const std::string& why)> on_stop);
    /// No callback comes after this.
    void cancel();

private:
    void wait();
    void take();

    asio::posix::stream_descriptor descriptor_;
    std::function<void(const std::string& why)> on_stop_;
};

}  // namespace remote_access
