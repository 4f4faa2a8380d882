// SPDX-License-Identifier: Apache-2.0
#include "session/channel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

namespace remote_access {
namespace {

constexpr int kMostAtOnce = 16;      // messages; then timers and signals get their turn
constexpr int kMostDescriptors = 4;  // room to receive and close what we did not ask for

/// Keeps the first descriptor that came along, closes any other.
Fd take_descriptor(msghdr& header) {
    Fd first;
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof(int));
            Fd descriptor(number);
            if (!first) first = std::move(descriptor);
        }
    }
    return first;
}

/// Where the peer has ended without reading all we sent, the kernel says so first, once; what it
/// had said itself is still there and counts.
bool read_again(int code) { return code == EINTR || code == ECONNRESET; }

const Error kClosed{Fault::kProcess, "peer", "closed its connection"};

}  // namespace

Result<void> send_message(int socket, const message::Message& message, int descriptor) {
    std::string datagram = message::encode(message);
    iovec body{datagram.data(), datagram.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &body;
    header.msg_iovlen = 1;
    if (descriptor >= 0) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
        cmsghdr* part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(part), &descriptor, sizeof(int));
    }
    ssize_t sent = -1;
    do {
        sent = ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    const int code = errno;
    wipe(datagram);
    if (sent < 0) return system_error("message to another process", code);
    return {};
}

Result<std::optional<Received>> receive_message(int socket) {
    // Its length first: a buffer for the longest would stay in the heap of an idle session.
    ssize_t size = -1;
    do {
        size = ::recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
    } while (size < 0 && read_again(errno));
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::optional<Received>();
    if (size < 0) return system_error("message from another process", errno);
    if (size == 0) return kClosed;
    if (static_cast<std::size_t>(size) > message::kLongest)
        return Error{Fault::kProcess, "peer", "sent a message that is too long"};
    std::string datagram(static_cast<std::size_t>(size), '\0');
    iovec body{datagram.data(), datagram.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(kMostDescriptors * sizeof(int))] = {};
    msghdr header{};
    header.msg_iov = &body;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    do {
        size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (size < 0 && read_again(errno));
    if (size < 0) return system_error("message from another process", errno);
    Fd descriptor = take_descriptor(header);
    Result<message::Message> decoded = message::decode(datagram);
    wipe(datagram);
    if (!decoded) return decoded.error();
    return std::optional<Received>(Received{std::move(decoded).value(), std::move(descriptor)});
}

Result<Received> receive_first(int socket, Milliseconds patience) {
    const Deadline deadline = Deadline::in(patience);
    for (;;) {
        Result<std::optional<Received>> received = receive_message(socket);
        if (!received) return received.error();
        if (received->has_value()) return std::move(**received);
        if (deadline.over()) return Error{Fault::kProcess, "peer", "said nothing"};
        pollfd waiting{socket, POLLIN, 0};
        ::poll(&waiting, 1, static_cast<int>(deadline.left().count()));
    }
}

Result<std::pair<Fd, Fd>> channel_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return system_error("socketpair", errno);
    return std::pair(Fd(ends[0]), Fd(ends[1]));
}

Channel::Channel(asio::io_context& io, Fd socket) : socket_(io, socket.release()) {}

void Channel::start(OnMessage on_message, OnClosed on_closed) {
    on_message_ = std::move(on_message);
    on_closed_ = std::move(on_closed);
    wait();
}

Result<void> Channel::send(const message::Message& message, int descriptor) {
    if (!socket_.is_open()) return kClosed;
    return send_message(socket_.native_handle(), message, descriptor);
}

void Channel::close() {
    asio::error_code ignored;
    socket_.close(ignored);
    on_message_ = nullptr;
    on_closed_ = nullptr;
}

void Channel::wait() {
    socket_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [self = shared_from_this()](const asio::error_code& error) { self->on_readable(error); });
}

void Channel::on_readable(const asio::error_code& error) {
    if (error) return;
    for (int messages = 0; socket_.is_open() && messages < kMostAtOnce; ++messages) {
        Result<std::optional<Received>> received = receive_message(socket_.native_handle());
        if (!received) {
            const OnClosed on_closed = std::move(on_closed_);
            close();
            if (on_closed) on_closed();
            return;
        }
        if (!received->has_value()) {
            wait();
            return;
        }
        const OnMessage on_message = on_message_;  // close() inside the callback clears the member
        if (on_message) on_message(std::move(**received));
    }
    // A peer that never stops talking must not keep the loop from its limits and its end.
    if (socket_.is_open()) wait();
}

}  // namespace remote_access
