// SPDX-License-Identifier: Apache-2.0
// The policy for a reader: what holds on this device, and what becomes of one target, as text and
// as JSON. Pure: settings, network and resolved addresses come in as values. Decides nothing
// itself.
#pragma once

#include <string>
#include <vector>

#include "base/json.hpp"
#include "policy/policy.hpp"

namespace remote_access {

struct PolicyState {
    OwnerConfig owner;
    bool file_exists = false;
    NetworkView network;
};

struct AddressVerdict {
    IpAddress address;
    Verdict verdict;
};

struct TargetAnswer {
    ConnectRequest request;
    std::vector<AddressVerdict> addresses;
    std::string unresolved;  ///< why there is no address
    /// Some address is allowed and remote access is on; the approve command is not asked.
    bool allowed(const OwnerConfig& owner) const;
};

/// `addresses`: what the request's host is or resolves to.
TargetAnswer answer_for(ConnectRequest request, const std::vector<IpAddress>& addresses,
                        std::string unresolved, const PolicyState& state);

std::string policy_text(const PolicyState& state);
json::Value policy_json(const PolicyState& state);
std::string answer_text(const TargetAnswer& answer, const PolicyState& state);
json::Value answer_json(const TargetAnswer& answer, const PolicyState& state);

}  // namespace remote_access
