// SPDX-License-Identifier: Apache-2.0
#include "forwarder/target.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "forwarder/tcp.hpp"

namespace remote_access {

Transfer SocketTarget::failed(int code) {
    if (code == EAGAIN || code == EWOULDBLOCK) return {};
    error_ = code;
    return {Transfer::State::kFailed};
}

Transfer SocketTarget::read(std::uint8_t* const* pieces, std::size_t count, std::size_t room) {
    constexpr std::size_t kMost = 8;
    std::array<iovec, kMost> vectors;
    count = std::min(count, kMost);
    for (std::size_t i = 0; i < count; ++i) vectors[i] = {pieces[i], room};
    ssize_t got = -1;
    do {
        got = ::readv(descriptor_, vectors.data(), static_cast<int>(count));
    } while (got < 0 && errno == EINTR);
    if (got < 0) return failed(errno);
    if (got == 0) return {Transfer::State::kEnded};
    const auto bytes = static_cast<std::size_t>(got);
    return {Transfer::State::kMoved, bytes, bytes < count * room};
}

Transfer SocketTarget::write(const std::uint8_t* bytes, std::size_t size) {
    ssize_t sent = -1;
    do {
        sent = ::send(descriptor_, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0) return failed(errno);
    return {Transfer::State::kMoved, static_cast<std::size_t>(sent)};
}

void SocketTarget::end_writing() { ::shutdown(descriptor_, SHUT_WR); }

bool SocketTarget::delivered() { return unacknowledged_bytes(descriptor_) == 0; }

Milliseconds SocketTarget::acknowledgement_age() const {
    return remote_access::acknowledgement_age(descriptor_);
}

std::string SocketTarget::failure() const { return std::strerror(error_); }

}  // namespace remote_access
