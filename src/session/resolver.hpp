// SPDX-License-Identifier: Apache-2.0
// getaddrinfo(3) on a thread of its own, because it cannot be interrupted: who no longer wants the
// answer goes away and the thread is left behind. Literal addresses are answered without one.
#pragma once

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "config/config.hpp"

namespace remote_access {

using Addresses = std::vector<asio::ip::tcp::endpoint>;

/// `on_done` is called from `io`'s loop unless `owner` is gone by then. An error's detail is the
/// resolver's text.
void resolve(asio::io_context& io, const HostPort& where, const std::weak_ptr<void>& owner,
             const std::function<void(Result<Addresses>)>& on_done);

}  // namespace remote_access
