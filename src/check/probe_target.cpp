// SPDX-License-Identifier: Apache-2.0
#include "check/probe_target.hpp"

#include <utility>

namespace remote_access {
namespace {

constexpr const char* kTarget = "target";

ConnectRequest request_for(const HostPort& target) {
    ConnectRequest request;
    request.host = target.host;
    request.port = target.port;
    return request;
}

}  // namespace

// Callbacks hold `this` only: they come inside await(), which the probe outlives.

TargetProbe::TargetProbe(ProbeLoop& loop, const Config& config, const HostPort& target)
    : loop_(loop),
      target_(target),
      settings_(config.owner.path),
      network_(read_network()),
      permit_(decide(request_for(target), config.owner, network_)),
      started_(Clock::now()) {
    if (!permit_) return;
    connector_.emplace(loop.io(), Connector::Role::kTarget, target, config.owner.keepalive.timeout);
    connector_->start(
        [this](const IpAddress& address) { return permit_->permits(address, network_); },
        [this](Result<Connected> connected) {
            result_.set(connected ? Result<IpAddress>(connected->address)
                                  : Result<IpAddress>(connected.error()),
                        started_);
        });
}

Step TargetProbe::finish(const Places& places) {
    const std::string rule_missing = "add an [[allow]] rule that covers it to " + settings_;
    if (!permit_) return problem(kTarget, permit_.error(), places, rule_missing);
    if (!loop_.await([this] { return static_cast<bool>(result_); }))
        result_.set(Error{Fault::kTargetTimeout, target_.text(), format_duration(loop_.patience())},
                    started_);
    const Result<IpAddress>& result = *result_.value;
    Step step = result ? ok(kTarget, target_.text() + " takes a connection at " + result->text())
                       : problem(kTarget, result.error(), places, rule_missing);
    const Result<std::string> rule =
        result ? permit_->rule_for(*result, network_) : Result<std::string>(Error{});
    if (rule) step.text += ", allowed by " + *rule;
    step.took = result_.took;
    return step;
}

}  // namespace remote_access
