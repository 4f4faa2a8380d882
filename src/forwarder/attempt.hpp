// SPDX-License-Identifier: Apache-2.0
// One attempt to open the session at the cloud, on a connected socket: TLS at once, the upgrade
// request when it is allowed, the answer. Gives one outcome. Sets no deadline: its owner's session
// ends what takes too long.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <variant>

#include "base/fd.hpp"
#include "forwarder/tls.hpp"
#include "forwarder/upgrade.hpp"
#include "forwarder/watch.hpp"
#include "forwarder/websocket.hpp"

namespace remote_access {

class Attempt : public std::enable_shared_from_this<Attempt> {
public:
    /// An open WebSocket. The codec holds what came together with the answer.
    struct Opened {
        std::shared_ptr<Watch> watch;
        std::unique_ptr<TlsStream> tls;
        WebSocketCodec codec;
    };
    using Outcome = std::variant<Opened, Refusal>;
    using OnOutcome = std::function<void(Outcome)>;

    Attempt(asio::io_context& io, Fd socket, const TlsContext& context, HostPort cloud);

    void start(OnOutcome on_outcome);
    /// Allows the request: both ends stand. Once.
    void request(const Secret& key, const Secret& authorization);
    /// Closes the connection; no outcome comes any more.
    void cancel();

private:
    enum class Phase { kTls, kReady, kRequest, kAnswer, kBody, kOver };

    void advance();
    void handshake();
    void send_request();
    void receive();
    void on_answer(UpgradeAnswer::State state);
    void on_body_late(const asio::error_code& error);
    void open();
    void refuse(Refusal refusal);
    void lost(const char* when);

    HostPort cloud_;
    std::shared_ptr<Watch> watch_;
    std::unique_ptr<TlsStream> tls_;
    WebSocketCodec codec_;
    asio::steady_timer body_timer_;
    OnOutcome on_outcome_;
    Phase phase_ = Phase::kTls;
    std::unique_ptr<UpgradeAnswer> answer_;
    Secret request_;
};

}  // namespace remote_access
