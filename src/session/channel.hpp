// SPDX-License-Identifier: Apache-2.0
// One end of a SOCK_SEQPACKET connection between our processes: messages, each with at most one
// descriptor. End of file means the other process is gone. Nothing here blocks but receive_first().
#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/fd.hpp"
#include "base/time.hpp"
#include "session/messages.hpp"

namespace remote_access {

struct Received {
    message::Message message;
    Fd descriptor;  ///< invalid where none came along
};

/// Sends without waiting. A full or closed connection is an error: the other side hangs or is gone.
Result<void> send_message(int socket, const message::Message& message, int descriptor = -1);

/// Takes one message if one is there. Nothing: would block. An error: closed, or not our language.
Result<std::optional<Received>> receive_message(int socket);

/// Waits for the first message, in a process that has no event loop yet.
Result<Received> receive_first(int socket, Milliseconds patience);

/// Both ends, close-on-exec, non-blocking.
Result<std::pair<Fd, Fd>> channel_pair();

class Channel : public std::enable_shared_from_this<Channel> {
public:
    using OnMessage = std::function<void(Received)>;
    using OnClosed = std::function<void()>;

    Channel(asio::io_context& io, Fd socket);

    /// `on_closed` comes once, and nothing after it.
    void start(OnMessage on_message, OnClosed on_closed);
    Result<void> send(const message::Message& message, int descriptor = -1);
    /// No callback comes after this. Safe to call twice and from a callback.
    void close();
    bool is_open() const { return socket_.is_open(); }

private:
    void wait();
    void on_readable(const asio::error_code& error);

    asio::posix::stream_descriptor socket_;
    OnMessage on_message_;
    OnClosed on_closed_;
};

}  // namespace remote_access
