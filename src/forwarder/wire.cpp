// SPDX-License-Identifier: Apache-2.0
#include "forwarder/wire.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "forwarder/tcp.hpp"

namespace remote_access {

Transfer Wire::receive(char* into, std::size_t room) {
    ssize_t got = -1;
    do {
        got = ::recv(descriptor_, into, room, MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    drained_ = got < 0 || static_cast<std::size_t>(got) < room;
    if (got > 0) return {Transfer::State::kMoved, static_cast<std::size_t>(got), drained_};
    ended_ = got == 0;
    if (ended_) return {Transfer::State::kEnded};
    if (errno == EAGAIN || errno == EWOULDBLOCK) return {};
    if (error_ == 0) error_ = errno;
    return {Transfer::State::kFailed};
}

std::size_t Wire::gather(const char* bytes, std::size_t size) {
    const std::size_t taken = std::min(space(), size);
    std::memcpy(gathered_.data() + end_, bytes, taken);
    end_ += taken;
    given_ += taken;
    return taken;
}

Transfer Wire::flush() {
    const std::size_t before = begin_;
    while (begin_ < end_) {
        const ssize_t sent = ::send(descriptor_, gathered_.data() + begin_, end_ - begin_,
                                    MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return {Transfer::State::kBlocked, begin_ - before};
        if (sent < 0) {
            if (error_ == 0) error_ = errno;
            begin_ = end_ = 0;
            return {Transfer::State::kFailed};
        }
        begin_ += static_cast<std::size_t>(sent);
    }
    begin_ = end_ = 0;
    return {Transfer::State::kMoved};
}

bool Wire::lost() const { return is_lost(descriptor_); }
Milliseconds Wire::acknowledgement_age() const {
    return remote_access::acknowledgement_age(descriptor_);
}

Sent Wire::sent() const {
    return {given_, given_ - (end_ - begin_) - unacknowledged_bytes(descriptor_)};
}

std::string Wire::failure() const { return error_ == 0 ? std::string() : std::strerror(error_); }

}  // namespace remote_access
