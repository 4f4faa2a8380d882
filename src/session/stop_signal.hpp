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

#include "base/fd.hpp"

namespace remote_access {

/// The two signals.
sigset_t stop_signals();

/// Blocks them, before there is a second thread.
void hold_stop_signals();

/// Whether one has been sent that no StopSignal has taken.
bool stop_pending();

/// What ended is told as: the session was stopped on this device.
Error stopped_error();

class StopSignal : public std::enable_shared_from_this<StopSignal> {
public:
    explicit StopSignal(asio::io_context& io);

    /// `on_stop` comes with each signal, one that waits already included; the log says who sent it.
    void start(std::function<void()> on_stop);
    /// No callback comes after this.
    void cancel();

private:
    void wait();
    void take();

    asio::posix::stream_descriptor descriptor_;
    std::function<void()> on_stop_;
};

}  // namespace remote_access
