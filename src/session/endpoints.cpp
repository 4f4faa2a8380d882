// SPDX-License-Identifier: Apache-2.0
#include "session/endpoints.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <deque>

#include "session/resolver.hpp"

namespace remote_access {
namespace {

using asio::ip::tcp;

constexpr Milliseconds kStagger{250};
constexpr int kKeepaliveIdle = 60, kKeepaliveInterval = 15, kKeepaliveCount = 4;  // seconds

int prefix_of(const sockaddr& mask) {
    const auto address = IpAddress::from(mask);
    if (!address) return -1;
    int bits = 0;
    for (const std::uint8_t byte : address->bytes()) bits += __builtin_popcount(byte);
    return bits;
}

void tune(tcp::socket& socket, Milliseconds silence) {
    asio::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
    const int fd = socket.native_handle();
    const auto set = [fd](int option, unsigned value) {
        ::setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value);
    };
    set(TCP_KEEPIDLE, kKeepaliveIdle);
    set(TCP_KEEPINTVL, kKeepaliveInterval);
    set(TCP_KEEPCNT, kKeepaliveCount);
    set(TCP_USER_TIMEOUT, static_cast<unsigned>(silence.count()));
}

struct Faults {
    Fault refused, closed, unreachable, not_found;
};

Faults faults_of(Connector::Role role) {
    switch (role) {
        case Connector::Role::kTarget:
            return {Fault::kTargetRefused, Fault::kTargetClosed, Fault::kTargetUnreachable,
                    Fault::kTargetNotFound};
        case Connector::Role::kProxy:
            return {Fault::kProxyRefused, Fault::kProxyClosed, Fault::kProxyUnreachable,
                    Fault::kProxyNotFound};
        case Connector::Role::kCloud:
            break;
    }
    return {Fault::kCloudRefused, Fault::kCloudClosed, Fault::kCloudUnreachable,
            Fault::kCloudNotFound};
}

Error classify(Connector::Role role, const std::string& subject, const asio::error_code& error) {
    const Faults faults = faults_of(role);
    if (error == asio::error::connection_refused) return {faults.refused, subject, {}};
    if (error == asio::error::connection_reset)
        return {faults.closed, subject, "as soon as it stood"};
    // Not the other side's doing.
    for (const int ours : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
        if (error.value() == ours) return system_error("connect to " + subject, ours);
    }
    return {faults.unreachable, subject, error.message()};
}

}  // namespace

NetworkView read_network() {
    NetworkView view;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return view;
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr) continue;
        const auto address = IpAddress::from(*one->ifa_addr);
        if (!address) continue;
        // Linux answers to the addresses of an interface that is down, too.
        view.own.push_back(*address);
        if ((one->ifa_flags & IFF_UP) == 0) continue;
        const bool loopback = (one->ifa_flags & IFF_LOOPBACK) != 0;
        const bool shared = !loopback && (one->ifa_flags & IFF_POINTOPOINT) == 0;
        const int prefix = one->ifa_netmask != nullptr ? prefix_of(*one->ifa_netmask) : -1;
        // There Linux takes the whole IPv4 network for its own, as it does 127.0.0.0/8.
        if (loopback && address->v4() && prefix > 0)
            view.own_networks.push_back(IpBlock::around(*address, prefix));
        if (shared && prefix > 0) view.attached.push_back(IpBlock::around(*address, prefix));
    }
    ::freeifaddrs(list);
    return view;
}

/// One run through the addresses of one host. Lives as long as its Connector wants it.
class Connector::Attempt : public std::enable_shared_from_this<Attempt> {
public:
    Attempt(asio::io_context& io, Role role, HostPort where, Milliseconds silence)
        : io_(io), next_timer_(io), role_(role), where_(std::move(where)), silence_(silence) {}

    void start(Admit admit, OnDone on_done) {
        admit_ = std::move(admit);
        on_done_ = std::move(on_done);
        const std::weak_ptr<Attempt> weak = weak_from_this();
        resolve(io_, where_, weak, [weak](Result<Addresses> addresses) {
            if (const auto self = weak.lock()) self->on_resolved(std::move(addresses));
        });
    }

    void cancel() {
        on_done_ = nullptr;
        stop();
    }

private:
    void on_resolved(Result<Addresses> addresses) {
        if (!on_done_) return;
        if (!addresses) {
            finish(Error{faults_of(role_).not_found, where_.text(), addresses.error().detail});
            return;
        }
        addresses_ = std::move(*addresses);
        try_next();
    }

    /// Opens the next admitted address; when none is left and none is under way, gives up.
    void try_next() {
        while (next_ < addresses_.size()) {
            const tcp::endpoint endpoint = addresses_[next_++];
            if (open(endpoint)) {
                wait_for_next();
                return;
            }
        }
        if (under_way_ == 0) finish(last_error_);
    }

    bool open(const tcp::endpoint& endpoint) {
        const auto address = IpAddress::from(*endpoint.data());
        if (!address) return false;
        if (admit_) {
            const Result<void> admitted = admit_(*address);
            if (!admitted) {
                note(admitted.error());
                return false;
            }
        }
        asio::error_code error;
        tcp::socket& socket = sockets_.emplace_back(io_);
        socket.open(endpoint.protocol(), error);
        if (!error) socket.non_blocking(true, error);
        if (error) {
            note(classify(role_, where_.text(), error));
            return false;
        }
        tune(socket, silence_);
        ++under_way_;
        const std::size_t index = sockets_.size() - 1;
        socket.async_connect(endpoint, [self = shared_from_this(), index,
                                        address = *address](const asio::error_code& result) {
            self->on_connect(result, index, address);
        });
        return true;
    }

    void wait_for_next() {
        if (next_ >= addresses_.size()) return;
        next_timer_.expires_after(kStagger);
        next_timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
            if (!error && self->on_done_) self->try_next();
        });
    }

    void on_connect(const asio::error_code& error, std::size_t index, const IpAddress& address) {
        if (!on_done_) return;
        --under_way_;
        if (error) {
            note(classify(role_, where_.text(), error));
            next_timer_.cancel();
            try_next();
            return;
        }
        finish(Connected{Fd(sockets_[index].release()), address});
    }

    /// A refusal by policy or by the host says more than "unreachable": the first one stays.
    void note(Error error) {
        const bool vague = last_error_.fault == Fault::kSystem ||
                           last_error_.fault == faults_of(role_).unreachable;
        if (vague) last_error_ = std::move(error);
    }

    void finish(Result<Connected> result) {
        const OnDone on_done = std::move(on_done_);
        on_done_ = nullptr;
        stop();
        if (on_done) on_done(std::move(result));
    }

    void stop() {
        next_timer_.cancel();
        for (tcp::socket& socket : sockets_) {
            asio::error_code ignored;
            socket.close(ignored);
        }
    }

    asio::io_context& io_;
    asio::steady_timer next_timer_;
    Role role_;
    HostPort where_;
    Milliseconds silence_;
    Admit admit_;
    OnDone on_done_;
    Addresses addresses_;
    std::deque<tcp::socket> sockets_;
    std::size_t next_ = 0;
    int under_way_ = 0;
    Error last_error_{Fault::kSystem, {}, "the name has no address"};
};

Connector::Connector(asio::io_context& io, Role role, HostPort where, Milliseconds silence)
    : attempt_(std::make_shared<Attempt>(io, role, std::move(where), silence)) {}

Connector::~Connector() { cancel(); }

void Connector::start(Admit admit, OnDone on_done) {
    attempt_->start(std::move(admit), std::move(on_done));
}

void Connector::cancel() { attempt_->cancel(); }

}  // namespace remote_access
