// SPDX-License-Identifier: Apache-2.0
#include "check/probe_cloud.hpp"

#include <sys/socket.h>

#include <utility>

#include "base/log.hpp"
#include "check/cloud_text.hpp"
#include "forwarder/attempt.hpp"
#include "forwarder/forwarder.hpp"

namespace remote_access {
namespace {

constexpr const char* kDns = "dns";
constexpr const char* kProxy = "proxy";
constexpr const char* kTcp = "tcp";
constexpr const char* kTls = "tls";
constexpr Milliseconds kEnd{1'000};
/// What the cloud is asked for; in its access log it says who asked.
constexpr const char* kNoOperation = "c8y-remote-access-connect-check";

bool of_proxy(Fault fault) { return fault_name(fault).substr(0, 6) == "proxy_"; }

bool begins(std::string_view text, std::string_view with) {
    return text.substr(0, with.size()) == with;
}

int be_forwarder(Fd channel, const Config& config, Secret authorization) {
    log::set_level(log::Level::kDebug);  // what it says of the handshake
    ForwarderOrder order;
    order.cloud = config.cloud.http;
    order.proxy = {config.proxy.tls,
                   config.proxy.address,
                   config.proxy.username,
                   config.proxy.password.clone(),
                   {},
                   config.proxy.used};
    order.key = Secret(kNoOperation);
    if (!authorization.empty()) order.authorization = std::move(authorization);
    order.root_cert_paths = config.cloud.root_cert_paths;
    order.sandbox = config.owner.sandbox;
    order.user = config.user;
    order.group = config.group;
    Counters counters;
    return run_forwarder(std::move(channel), std::move(order), counters);
}

}  // namespace

// Callbacks hold `this` only: they come inside the loop's await(), which the probe outlives.

Result<Child> CloudProbe::launch_forwarder(const Config& config, Secret authorization) {
    return launch("c8y-ra-check", {}, [&config, &authorization](Fd channel) {
        return be_forwarder(std::move(channel), config, std::move(authorization));
    });
}

CloudProbe::CloudProbe(ProbeLoop& loop, const Config& config, Result<Child> forwarder)
    : loop_(loop), config_(config), child_(std::move(forwarder)), since_(Clock::now()) {
    if (!child_) {  // no fork: the way ends here
        resolved_.set(child_.error(), since_);
        return;
    }
    forwarder_ = std::make_shared<Channel>(loop.io(), std::move(child_->channel));
    forwarder_->start([this](const Received& received) { on_message(received.message); },
                      [this] {
                          on_refused({Fault::kProcess, "forwarder", "while it was checked"});
                      });
    const bool proxy = config_.proxy.used;
    connector_.emplace(loop.io(), proxy ? Connector::Role::kProxy : Connector::Role::kCloud,
                       proxy ? config_.proxy.address : config_.cloud.http,
                       config_.owner.keepalive.timeout);
    connector_->start(
        [this](const IpAddress& address) -> Result<void> {
            resolved_.set(address.text(), since_);
            return {};
        },
        [this](Result<Connected> result) { on_connected(std::move(result)); });
}

CloudProbe::~CloudProbe() {
    if (!child_) return;
    if (forwarder_) forwarder_->close();
    child_->channel.reset();
    await_end(*child_, kEnd);
}

void CloudProbe::on_connected(Result<Connected> result) {
    const Clock::time_point since = since_ + resolved_.took;
    if (!result) {
        // The name was known when an address of it was tried.
        (resolved_ ? connected_ : resolved_).set(result.error(), since);
        return;
    }
    connected_.set(result->address.text(), since);
    since_ = Clock::now();
    tell(message::Cloud{}, result->socket.get());
}

/// One that is gone shows by its closed channel.
void CloudProbe::tell(const message::Message& message, int descriptor) {
    [[maybe_unused]] const auto sent = forwarder_->send(message, descriptor);
}

void CloudProbe::on_message(const message::Message& message) {
    if (const auto* line = std::get_if<message::Log>(&message)) return on_log(*line);
    if (std::holds_alternative<message::Passed>(message)) {
        passed_.set(std::string(), since_);
        since_ = Clock::now();
    }
    if (const auto* need = std::get_if<message::NeedCloud>(&message)) on_refused(need->cause);
    if (const auto* failed = std::get_if<message::Failed>(&message)) on_refused(failed->error);
    if (std::holds_alternative<message::Connected>(message)) {
        answer_.set(std::string("101: it opened a session"), since_);
        tell(message::Stop{1001, "a check"});
    }
}

void CloudProbe::on_log(const message::Log& line) {
    const std::string_view text = line.text;
    if (begins(text, kCertificateLine)) certificate_ = text.substr(kCertificateLine.size());
    if (begins(text, kTlsLine)) {
        tls_.set(std::string(text.substr(kTlsLine.size())), since_);
        since_ = Clock::now();
    }
    const bool trust = line.level == log::Level::kWarn && !begins(text, "sandbox: the ");
    if (trust) trust_notes_.push_back(line.text);
    log::debug(text);
}

/// It belongs to the stage that has not been passed.
void CloudProbe::on_refused(const Error& error) {
    if (error.fault == Fault::kSandbox) {
        refused_sandbox_ = error;
        return;
    }
    if (of_proxy(error.fault)) return passed_.set(error, since_);
    (tls_ ? answer_ : tls_).set(error, since_);
}

bool CloudProbe::await(const Stage& stage) {
    return loop_.await([&stage] { return static_cast<bool>(stage); });
}

Error CloudProbe::timeout(Fault fault) const {
    const bool proxy = of_proxy(fault);
    return {fault, proxy ? config_.proxy.address.text() : way_to(config_.cloud.http, config_.proxy),
            format_duration(loop_.patience())};
}

Step CloudProbe::finish_dns(const Places& places) {
    const bool proxy = config_.proxy.used;
    const HostPort& where = proxy ? config_.proxy.address : config_.cloud.http;
    if (!await(resolved_))
        resolved_.set(
            Error{proxy ? Fault::kProxyNotFound : Fault::kCloudNotFound, where.text(),
                  "no answer from the resolver within " + format_duration(loop_.patience())},
            since_);
    const Result<std::string>& address = *resolved_.value;
    const std::string whose = proxy ? "the proxy " : "the cloud ";
    Step step = !address                 ? problem(kDns, address.error(), places)
                : *address == where.host ? ok(kDns, whose + where.host + " is an address, no name")
                                         : ok(kDns, whose + where.host + " is " + *address);
    step.took = resolved_.took;
    return step;
}

Step CloudProbe::finish_proxy(const Places& places) {
    if (!config_.proxy.used)
        return ok(kProxy, config_.proxy.address.port != 0 ? "proxy.no_proxy names the cloud"
                                                          : "none is set (proxy.address)");
    if (!await(connected_)) connected_.set(timeout(Fault::kProxyTimeout), since_);
    const bool stands = connected_.value->ok();
    const auto over = [this] { return passed_ || tls_ || refused_sandbox_; };
    if (stands && !loop_.await(over)) passed_.set(timeout(Fault::kProxyTimeout), since_);
    if (stands && refused_sandbox_) return skipped(kProxy, "sandbox");
    // The forwarder may also be gone; that is said where it was awaited.
    const Result<std::string>& way = *(!stands ? connected_ : passed_ ? passed_ : tls_).value;
    Step step = way ? ok(kProxy, config_.proxy.address.text() + " lets through to the cloud")
                    : problem(kProxy, way.error(), places);
    step.took = connected_.took + passed_.took;
    return step;
}

Step CloudProbe::finish_tcp(const Places& places) {
    if (config_.proxy.used) return ok(kTcp, "by the proxy");
    if (!await(connected_)) connected_.set(timeout(Fault::kCloudTimeout), since_);
    const Result<std::string>& address = *connected_.value;
    Step step = address ? ok(kTcp, *address + ", port " + std::to_string(config_.cloud.http.port))
                        : problem(kTcp, address.error(), places);
    step.took = connected_.took;
    return step;
}

Step CloudProbe::finish_tls(const Places& places) {
    if (!loop_.await([this] { return tls_ || refused_sandbox_; }))
        tls_.set(timeout(Fault::kCloudTimeout), since_);
    if (refused_sandbox_) return skipped(kTls, "sandbox");
    const Result<std::string>& done = *tls_.value;
    const Handshake handshake{certificate_, config_.cloud.root_cert_paths, trust_notes_,
                              utc_timestamp(std::chrono::system_clock::now())};
    Step step = tls_step(done, handshake, places);
    step.took = tls_.took;
    return step;
}

Step CloudProbe::finish_upgrade(const Places& places, std::optional<Secret> jwt) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return problem("upgrade", system_error("socketpair", errno), places);
    target_ = Fd(ends[0]);
    const Fd given(ends[1]);
    since_ = Clock::now();
    if (jwt) tell(message::Token{std::move(*jwt)});
    tell(message::Target{}, given.get());
    if (!await(answer_)) answer_.set(timeout(Fault::kCloudTimeout), since_);
    const Result<std::string>& answer = *answer_.value;
    Step step = upgrade_step(answer, places);
    step.took = answer_.took;
    return step;
}

}  // namespace remote_access
