// SPDX-License-Identifier: Apache-2.0
// The device owner's rules: which target may be reached. Pure: the device's own addresses and
// networks come in as a value. Asked twice: for the request, and for each resolved address just
// before it is connected. Only this station makes a Permit, and only a Permit can be launched.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ip.hpp"
#include "base/result.hpp"
#include "config/config.hpp"
#include "operation/request.hpp"
#include "policy/network_view.hpp"

namespace remote_access {

/// What the rules say about one address.
struct Verdict {
    std::optional<AllowRule> rule;  ///< that allows it, the first that does
    std::string why;                ///< nothing does: why not, and the setting to change
};

class Permit {
public:
    const ConnectRequest& request() const { return request_; }
    ConnectRequest& request() { return request_; }
    /// The rule that allowed a literal address, for logs: `this-device (built in)`. Empty for a
    /// name: there each address has its own, see rule_for().
    const std::string& rule() const { return rule_; }

    /// The rule by which this resolved address may be connected; the Error names address and
    /// setting.
    Result<std::string> rule_for(const IpAddress& address, const NetworkView& network) const;
    /// Whether there is one.
    Result<void> permits(const IpAddress& address, const NetworkView& network) const;

private:
    friend Result<Permit> decide(ConnectRequest request, const OwnerConfig& owner,
                                 const NetworkView& network);
    Permit(ConnectRequest request, std::vector<AllowRule> rules, std::string path)
        : request_(std::move(request)), rules_(std::move(rules)), path_(std::move(path)) {}

    ConnectRequest request_;
    std::vector<AllowRule> rules_;  ///< all of them: a refusal explains itself by the others
    std::string path_;              ///< of the owner's settings, for refusals
    std::string rule_;
};

/// The rules alone: neither the off switch nor the approve command.
Verdict judge(const ConnectRequest& request, const OwnerConfig& owner, const IpAddress& address,
              const NetworkView& network);

/// A literal address is decided at once; a name passes when some rule could allow it on this port.
Result<Permit> decide(ConnectRequest request, const OwnerConfig& owner, const NetworkView& network);

}  // namespace remote_access
