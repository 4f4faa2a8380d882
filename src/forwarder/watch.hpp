// SPDX-License-Identifier: Apache-2.0
// Owns a descriptor and tells when it is ready, in one callback for both directions: whoever is
// told tries everything it has to do. Asked again while a wait is under way, it does nothing.
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

#include "base/fd.hpp"

namespace remote_access {

class Watch : public std::enable_shared_from_this<Watch> {
public:
    using OnReady = std::function<void()>;

    Watch(asio::io_context& io, Fd descriptor);

    int descriptor() { return socket_.native_handle(); }
    void on_ready(OnReady handler) { on_ready_ = std::move(handler); }
    void want(bool read, bool write);
    /// Closes the descriptor. No callback comes after this.
    void close();

private:
    using Wait = asio::posix::stream_descriptor::wait_type;
    void wait(Wait direction, bool Watch::*waiting);

    asio::posix::stream_descriptor socket_;
    OnReady on_ready_;
    bool reading_ = false, writing_ = false;
};

}  // namespace remote_access
