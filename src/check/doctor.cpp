// SPDX-License-Identifier: Apache-2.0
#include "check/doctor.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "check/loop.hpp"
#include "check/probe_broker.hpp"
#include "check/probe_cloud.hpp"
#include "check/probe_device.hpp"
#include "check/probe_policy.hpp"
#include "check/probe_sandbox.hpp"
#include "check/probe_settings.hpp"
#include "check/probe_socket.hpp"
#include "check/probe_target.hpp"

namespace remote_access {
namespace {

using Status = Step::Status;
using Needs = std::initializer_list<std::string_view>;

/// Without settings nothing of this can be asked.
constexpr std::array kAfterSettings{
    "operation-file", "thin-edge", "broker",     "mapper",  "login",      "dns",
    "proxy",          "tcp",       "tls",        "upgrade", "run-folder", "socket",
    "sandbox",        "policy",    "policy-file"};

/// The steps so far, each told as soon as it is known.
class Walk {
public:
    explicit Walk(const Audience& audience) : audience_(audience) {}

    /// `step` is made now, unless what it needs has failed.
    template <class Make>
    void take(std::string_view name, const std::string& waits_for, Needs needs, Make make) {
        for (const std::string_view needed : needs) {
            if (failed(needed)) return add(skipped(name, needed));
        }
        audience_.on_begin(std::string(name), waits_for);
        const Clock::time_point begun = Clock::now();
        Step step = make();
        if (step.took == Milliseconds(0))
            step.took = std::chrono::duration_cast<Milliseconds>(Clock::now() - begun);
        add(std::move(step));
    }
    void add(Step step) {
        steps_.push_back(std::move(step));
        audience_.on_step(steps_.back());
    }
    bool failed(std::string_view name) const {
        return std::any_of(steps_.begin(), steps_.end(), [name](const Step& step) {
            return step.name == name &&
                   (step.status == Status::kProblem || step.status == Status::kSkipped);
        });
    }
    std::vector<Step> result() { return std::move(steps_); }

private:
    const Audience& audience_;
    std::vector<Step> steps_;
};

void walk_to_broker(Walk& walk, BrokerProbe& broker, const Places& places) {
    walk.take("broker", "the MQTT broker", {}, [&] { return broker.finish_broker(places); });
    walk.take("mapper", "the mapper's health message", {"broker"},
              [&] { return broker.finish_mapper(); });
}

void walk_to_cloud(Walk& walk, CloudProbe& cloud, BrokerProbe& broker, const Config& config,
                   const Places& places) {
    walk.take("dns", "the resolver", {}, [&] { return cloud.finish_dns(places); });
    if (config.proxy.used)
        walk.take("proxy", "the proxy", {"dns"}, [&] { return cloud.finish_proxy(places); });
    else
        walk.add(cloud.finish_proxy(places));  // says that there is none
    walk.take("tcp", "a connection to the cloud", {"dns", "proxy"},
              [&] { return cloud.finish_tcp(places); });
    walk.take("tls", "the TLS handshake", {"tcp"}, [&] { return cloud.finish_tls(places); });
    walk.take("upgrade", "the service's answer", {"login", "tls"},
              [&] { return cloud.finish_upgrade(places, broker.take_token()); });
}

/// What does not need the network; forks are over, so the rest may start threads.
void walk_on_device(Walk& walk, const Config& config, SandboxProbe& sandbox,
                    const std::optional<Error>& refused, const Places& places) {
    walk.take("run-folder", "", {}, [&] { return probe_run_folder(config, places); });
    walk.take("socket", "a session of the socket", {}, [&] { return probe_socket(config); });
    walk.take("sandbox", "two locked-in processes", {},
              [&] { return sandbox.finish(config, refused, places); });
    walk.take("policy", "", {}, [&] { return probe_policy(config, places); });
    walk.take("policy-file", "", {}, [&] { return probe_policy_file(config); });
}

void walk_all(Walk& walk, const CheckOrder& order, const Config& config, const Places& places) {
    const std::string span = " (at most " + format_duration(config.owner.limits.connect) + ")";
    const bool basic = config.cloud.auth == AuthMethod::kBasic;
    walk.take("operation-file", "", {}, [&] { return probe_operation_file(config); });
    walk.take("thin-edge", "`tedge --version`", {}, [] { return probe_thin_edge(); });
    LoginFound login = basic ? probe_credentials(config, places) : LoginFound{};
    SandboxProbe sandbox(config);
    Result<Child> forwarder = CloudProbe::launch_forwarder(config, std::move(login.authorization));
    // Threads from here on.
    ProbeLoop loop(config.owner.limits.connect);
    BrokerProbe broker(loop, config);
    CloudProbe cloud(loop, config, std::move(forwarder));
    std::optional<TargetProbe> target;
    if (order.target) target.emplace(loop, config, *order.target);
    walk_to_broker(walk, broker, places);
    if (basic)
        walk.add(std::move(login.step));
    else
        walk.take("login", "a JWT from the cloud" + span, {"broker"},
                  [&] { return broker.finish_token(places); });
    walk_to_cloud(walk, cloud, broker, config, places);
    walk_on_device(walk, config, sandbox, cloud.refused_sandbox(), places);
    if (target)
        walk.take("target", order.target->text() + span, {},
                  [&] { return target->finish(places); });
}

}  // namespace

std::vector<Step> examine(const CheckOrder& order, const Audience& audience) {
    Walk walk(audience);
    walk.take("user", "", {}, [&] { return probe_user(order.source); });
    SettingsFound settings;
    walk.take("settings", "", {}, [&] {
        settings = probe_settings(order.source);
        return settings.step;
    });
    if (settings.config) {
        walk_all(walk, order, *settings.config, settings.places);
        return walk.result();
    }
    for (const char* name : kAfterSettings) walk.add(skipped(name, "settings"));
    if (order.target) walk.add(skipped("target", "settings"));
    return walk.result();
}

}  // namespace remote_access
