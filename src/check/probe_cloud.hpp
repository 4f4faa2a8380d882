// SPDX-License-Identifier: Apache-2.0
// The way to the cloud, by the very process that serves a session: the doctor resolves and
// connects, a locked-in forwarder passes the proxy, does TLS and asks for the upgrade, with a key
// that no operation has. Tried once, without the retries that a session has until limits.connect.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.hpp"
#include "check/cure.hpp"
#include "check/loop.hpp"
#include "check/report.hpp"
#include "config/config.hpp"
#include "session/channel.hpp"
#include "session/endpoints.hpp"
#include "session/launch.hpp"

namespace remote_access {

class CloudProbe {
public:
    /// Forks the forwarder: see launch(). `authorization`: of Basic login, may be empty.
    static Result<Child> launch_forwarder(const Config& config, Secret authorization);

    /// Starts the way; the loop's deadline is its deadline.
    CloudProbe(ProbeLoop& loop, const Config& config, Result<Child> forwarder);
    /// Ends the forwarder.
    ~CloudProbe();
    CloudProbe(const CloudProbe&) = delete;
    CloudProbe& operator=(const CloudProbe&) = delete;

    // One step after the other, each only when the one before was no problem.
    Step finish_dns(const Places& places);
    Step finish_proxy(const Places& places);
    Step finish_tcp(const Places& places);
    Step finish_tls(const Places& places);
    /// `jwt`: with certificate login.
    Step finish_upgrade(const Places& places, std::optional<Secret> jwt);

    /// sandbox = "required", and this forwarder is not locked in: it took no byte.
    const std::optional<Error>& refused_sandbox() const { return refused_sandbox_; }

private:
    using Stage = Outcome<Result<std::string>>;

    void on_connected(Result<Connected> result);
    void on_message(const message::Message& message);
    void on_log(const message::Log& line);
    void on_refused(const Error& error);
    void tell(const message::Message& message, int descriptor = -1);
    bool await(const Stage& stage);
    Error timeout(Fault fault) const;

    ProbeLoop& loop_;
    const Config& config_;
    Result<Child> child_;
    std::shared_ptr<Channel> forwarder_;
    std::optional<Connector> connector_;
    Fd target_;  // the other end of what the forwarder takes for its target
    Clock::time_point since_;
    std::optional<Error> refused_sandbox_;
    Stage resolved_, connected_, passed_, tls_, answer_;
    std::string certificate_;
    std::vector<std::string> trust_notes_;
};

}  // namespace remote_access
