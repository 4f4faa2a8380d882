// SPDX-License-Identifier: Apache-2.0
// Host and port become a connected TCP socket: resolved on a thread of its own (a resolver that
// hangs is left behind), every address tried, a quarter of a second apart (RFC 8305 §5), the first
// that stands wins. Asynchronous; cancel() or the destructor ends everything, no callback after it.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>

#include "base/fd.hpp"
#include "base/ip.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "policy/policy.hpp"

namespace remote_access {

/// The device's addresses and directly connected networks as its interfaces are now.
NetworkView read_network();

struct Connected {
    Fd socket;  ///< non-blocking, TCP_NODELAY, keepalive and TCP_USER_TIMEOUT set
    IpAddress address;
};

class Connector {
public:
    enum class Role { kTarget, kCloud, kProxy };  ///< decides which faults are reported
    using Admit = std::function<Result<void>(const IpAddress&)>;
    using OnDone = std::function<void(Result<Connected>)>;

    /// `silence`: how long sent data may stay unacknowledged (TCP_USER_TIMEOUT).
    Connector(asio::io_context& io, Role role, HostPort where, Milliseconds silence);
    ~Connector();
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;

    /// `admit` is asked for each address just before it is connected; may be empty.
    void start(Admit admit, OnDone on_done);
    void cancel();

private:
    class Attempt;
    std::shared_ptr<Attempt> attempt_;
};

}  // namespace remote_access
