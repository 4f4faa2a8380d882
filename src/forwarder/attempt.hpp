// SPDX-License-Identifier: Apache-2.0
// One attempt to open the session at the cloud, on a connected socket: the way through the proxy if
// there is one and TLS at once, the upgrade request when it is allowed, the answer. Gives one
// outcome. Sets no deadline: its owner's session ends what takes too long.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string_view>
#include <variant>

#include "base/fd.hpp"
#include "forwarder/passage.hpp"
#include "forwarder/tls.hpp"
#include "forwarder/upgrade.hpp"
#include "forwarder/watch.hpp"
#include "forwarder/websocket.hpp"

namespace remote_access {

/// How its debug lines begin that say what `check` tells of the handshake.
constexpr std::string_view kCertificateLine = "certificate of the cloud: ";
constexpr std::string_view kTlsLine = "TLS with the cloud: ";

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

    /// The socket leads to `proxy` when that is used, else to the cloud.
    Attempt(asio::io_context& io, Fd socket, const TlsContext& context, HostPort cloud,
            const ProxyConfig& proxy);

    /// `on_passed` comes when the proxy has let us through, before the outcome.
    void start(OnOutcome on_outcome, std::function<void()> on_passed);
    /// Allows the request: both ends stand. Once.
    void request(const Secret& key, const Secret& authorization);
    /// Closes the connection; no outcome comes any more.
    void cancel();

private:
    enum class Phase { kProxy, kTls, kReady, kRequest, kAnswer, kBody, kOver };

    void advance();
    void pass_proxy();
    void handshake();
    void send_request();
    void receive();
    void on_answer(UpgradeAnswer::State state);
    void on_body_late(const asio::error_code& error);
    void open();
    void refuse(Refusal refusal);
    void lost(const char* when);
    void no_answer();

    const TlsContext& context_;
    HostPort cloud_;
    std::string where_;  // the cloud as errors name it
    std::shared_ptr<Watch> watch_;
    std::unique_ptr<Passage> passage_;  // until the proxy has let us through
    std::unique_ptr<TlsStream> tls_;
    WebSocketCodec codec_;
    asio::steady_timer body_timer_;
    OnOutcome on_outcome_;
    std::function<void()> on_passed_;
    Phase phase_ = Phase::kTls;
    std::unique_ptr<UpgradeAnswer> answer_;
    Secret request_;
};

}  // namespace remote_access
