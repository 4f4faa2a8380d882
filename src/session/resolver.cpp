// SPDX-License-Identifier: Apache-2.0
#include "session/resolver.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include "base/fd.hpp"

namespace remote_access {
namespace {

Addresses to_endpoints(const addrinfo* list, std::uint16_t port) {
    Addresses addresses;
    for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
        asio::ip::tcp::endpoint endpoint;
        if (one->ai_addrlen > endpoint.capacity()) continue;
        endpoint.resize(one->ai_addrlen);
        std::memcpy(endpoint.data(), one->ai_addr, one->ai_addrlen);
        endpoint.port(port);
        addresses.push_back(endpoint);
    }
    return addresses;
}

Result<Addresses> look_up(const std::string& host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    addrinfo* list = nullptr;
    const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    if (code != 0) {
        const char* text = code == EAI_SYSTEM ? "the resolver failed" : ::gai_strerror(code);
        return Error{Fault::kSystem, host, text};
    }
    Addresses addresses = to_endpoints(list, port);
    ::freeaddrinfo(list);
    return addresses;
}

/// Shared by thread and loop; outlives whichever goes first.
struct Answer {
    std::mutex mutex;
    Result<Addresses> result = Addresses();
    Fd bell;  ///< eventfd: rung by the thread, awaited by the loop
};

void ring(Answer& answer) {
    const std::uint64_t once = 1;
    [[maybe_unused]] const ssize_t written = ::write(answer.bell.get(), &once, sizeof once);
}

}  // namespace

void resolve(asio::io_context& io, const HostPort& where, const std::weak_ptr<void>& owner,
             const std::function<void(Result<Addresses>)>& on_done) {
    Result<Addresses> literal = look_up(where.host, where.port, AI_NUMERICHOST);
    if (literal) {
        asio::post(io, [owner, on_done, literal]() mutable {
            if (!owner.expired()) on_done(std::move(literal));
        });
        return;
    }
    auto answer = std::make_shared<Answer>();
    answer->bell = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    auto waiting = std::make_shared<asio::posix::stream_descriptor>(
        io, ::fcntl(answer->bell.get(), F_DUPFD_CLOEXEC, 3));
    waiting->async_wait(asio::posix::stream_descriptor::wait_read,
                        [waiting, answer, owner, on_done](const asio::error_code& error) {
                            if (error || owner.expired()) return;
                            const std::lock_guard guard(answer->mutex);
                            on_done(std::move(answer->result));
                        });
    try {
        std::thread([answer, where] {
            Result<Addresses> result = look_up(where.host, where.port, 0);
            const std::lock_guard guard(answer->mutex);
            answer->result = std::move(result);
            ring(*answer);
        }).detach();
    } catch (const std::system_error&) {
        answer->result = Error{Fault::kSystem, where.host, "no thread for the resolver"};
        ring(*answer);
    }
}

}  // namespace remote_access
