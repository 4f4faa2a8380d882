// SPDX-License-Identifier: Apache-2.0
// One session's life in the session process: opens target and cloud in parallel under one deadline,
// hands the sockets to the forwarder, answers its needs, enforces the limits also when it hangs,
// and says how it ended.
#pragma once

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "config/config.hpp"
#include "policy/policy.hpp"
#include "session/caller.hpp"
#include "session/endpoints.hpp"
#include "session/launch.hpp"
#include "session/seat.hpp"

namespace remote_access {

class Supervisor : public std::enable_shared_from_this<Supervisor> {
public:
    Supervisor(asio::io_context& io, const Config& config, Permit permit,
               std::shared_ptr<Caller> caller, Seat& seat, Child forwarder);

    void start();

private:
    enum class Phase { kConnecting, kEstablished, kEnding, kOver };

    Caller::Handlers caller_handlers();
    void on_token(Secret jwt);
    void connect_target();
    void on_target(Result<Connected> result);
    void connect_cloud();
    void on_cloud(Result<Connected> result);
    void retry_cloud(Error cause);

    void on_forwarder_message(Received received);
    void on_need_cloud(const message::NeedCloud& need);
    void on_established();
    void on_forwarder_closed();

    void on_connect_deadline();
    void watch_limits();
    void on_signal();

    void fail(const Error& error);
    void end_forwarder(std::uint16_t code, const std::string& text);
    void on_forwarder_patience();
    void record_end();
    void maybe_over();

    template <class Method>
    void after(asio::steady_timer& timer, Milliseconds span, Method method);

    asio::io_context& io_;
    const Config& config_;
    Permit permit_;
    std::shared_ptr<Caller> caller_;
    Seat& seat_;
    Child child_;
    std::shared_ptr<Channel> forwarder_;
    NetworkView network_;

    std::optional<Connector> target_;
    std::optional<Connector> cloud_;
    asio::steady_timer deadline_;
    asio::steady_timer pause_;
    asio::steady_timer limits_;
    asio::steady_timer patience_;
    asio::signal_set signals_;

    Phase phase_ = Phase::kConnecting;
    Clock::time_point started_ = Clock::now();
    Clock::time_point established_{};
    bool target_up_ = false;
    bool cloud_up_ = false;
    bool token_awaited_ = false;
    bool token_refreshed_ = false;
    int cloud_failures_ = 0;
    std::string target_address_;
    std::string rule_;  ///< of the policy, that allowed this address
    std::optional<Error> last_cloud_error_;
    std::optional<message::Ended> ended_;
    std::string end_reason_;  ///< ours, when we ended it
};

}  // namespace remote_access
