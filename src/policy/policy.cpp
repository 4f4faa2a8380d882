// SPDX-License-Identifier: Apache-2.0
#include "policy/policy.hpp"

#include <algorithm>
#include <string_view>

#include "policy/special.hpp"

namespace remote_access {
namespace {

using Kind = AllowRule::Kind;

/// One question to the rules: may this address be reached, asked for under this host and port?
struct Question {
    const ConnectRequest& request;
    const IpAddress& address;
    const NetworkView& network;
};

bool is_localhost(std::string_view name) {
    // RFC 6761 §6.3
    constexpr std::string_view kSuffix = ".localhost";
    return name == "localhost" ||
           (name.size() > kSuffix.size() && name.substr(name.size() - kSuffix.size()) == kSuffix);
}

bool covers_port(const AllowRule& rule, std::uint16_t port) {
    if (rule.ports.empty()) return true;
    return std::any_of(rule.ports.begin(), rule.ports.end(), [port](const auto& range) {
        return range.first <= port && port <= range.second;
    });
}

bool is_attached(const IpAddress& address, const NetworkView& network) {
    // A device is not its own neighbour, under whichever of its addresses.
    return !is_own(address, network) &&
           std::any_of(network.attached.begin(), network.attached.end(),
                       [&address](const IpBlock& subnet) { return subnet.contains(address); });
}

/// Whether the rule covers the address, whatever the port.
bool covers_address(const AllowRule& rule, const Question& asked) {
    if (const auto special = special_range(asked.address, asked.network)) {
        return rule.kind == Kind::kBlock && rule.block && special->block.contains(*rule.block) &&
               rule.block->contains(asked.address);
    }
    switch (rule.kind) {
        case Kind::kName:
            // A name that an outsider points at this device must not open it; localhost is it.
            return rule.name == asked.request.host &&
                   is_own(asked.address, asked.network) == is_localhost(rule.name);
        case Kind::kBlock:
            return rule.block && rule.block->contains(asked.address);
        case Kind::kThisDevice:
            return is_own(asked.address, asked.network);
        case Kind::kLocalNetwork:
            return is_attached(asked.address, asked.network);
        case Kind::kAny:
            return true;
    }
    return false;
}

/// Whether some address behind the name could be covered by the rule.
bool could_cover_name(const AllowRule& rule, const ConnectRequest& request) {
    return covers_port(rule, request.port) &&
           (rule.kind != Kind::kName || rule.name == request.host);
}

std::string rule_text(const AllowRule& rule) {
    if (rule.line == 0) return rule.text + " (built in)";
    return "allow host = \"" + rule.text + "\" (line " + std::to_string(rule.line) + ")";
}

std::string place_of(const AllowRule& rule) {
    return rule.line == 0 ? rule.text : "the rule in line " + std::to_string(rule.line);
}

bool has_kind(const std::vector<AllowRule>& rules, Kind kind) {
    return std::any_of(rules.begin(), rules.end(),
                       [kind](const AllowRule& rule) { return rule.kind == kind; });
}

/// Why nothing allows it and what the owner can do. The cure stands at the end of a text that may
/// be cut, so it is kept short.
std::string why_not(const std::vector<AllowRule>& rules, const std::string& path,
                    const Question& asked) {
    const std::string address = asked.address.text();
    const std::string it = address == asked.request.host ? address : "its address " + address;
    const std::string port = std::to_string(asked.request.port);
    const auto other_port =
        std::find_if(rules.begin(), rules.end(),
                     [&asked](const AllowRule& rule) { return covers_address(rule, asked); });
    if (other_port != rules.end())
        return it + " is allowed, but not on port " + port + " (change ports of " +
               place_of(*other_port) + " in " + path + ")";
    if (const auto special = special_range(asked.address, asked.network))
        return it + " is " + special->what + ": only an [[allow]] rule that names it reaches it (" +
               path + ")";
    if (is_own(asked.address, asked.network))
        return it + " is this device itself and no [[allow]] rule \"this-device\" covers port " +
               port + " (add one to " + path + ")";
    const bool local =
        has_kind(rules, Kind::kLocalNetwork) && !is_attached(asked.address, asked.network);
    return it + (local ? " is not on a directly connected network and" : ":") +
           " no [[allow]] rule covers " + (local ? "" : "it on ") + "port " + port +
           " (add one to " + path + ")";
}

const AllowRule* find_rule(const std::vector<AllowRule>& rules, const Question& asked) {
    const auto found = std::find_if(rules.begin(), rules.end(), [&asked](const AllowRule& rule) {
        return covers_port(rule, asked.request.port) && covers_address(rule, asked);
    });
    return found != rules.end() ? &*found : nullptr;
}

}  // namespace

Result<std::string> Permit::rule_for(const IpAddress& address, const NetworkView& network) const {
    const Question asked{request_, address, network};
    if (const AllowRule* rule = find_rule(rules_, asked)) return rule_text(*rule);
    return Error{Fault::kPolicy, request_.target(), why_not(rules_, path_, asked)};
}

Result<void> Permit::permits(const IpAddress& address, const NetworkView& network) const {
    const Result<std::string> rule = rule_for(address, network);
    if (!rule) return rule.error();
    return {};
}

Verdict judge(const ConnectRequest& request, const OwnerConfig& owner, const IpAddress& address,
              const NetworkView& network) {
    const Question asked{request, address, network};
    if (const AllowRule* rule = find_rule(owner.allow, asked)) return {*rule, {}};
    return {std::nullopt, why_not(owner.allow, owner.path, asked)};
}

Result<Permit> decide(ConnectRequest request, const OwnerConfig& owner,
                      const NetworkView& network) {
    if (!owner.enabled) return Error{Fault::kDisabled, owner.path, {}};
    Permit permit(std::move(request), owner.allow, owner.path);
    const ConnectRequest& asked = permit.request();
    if (const auto address = IpAddress::parse(asked.host)) {
        Result<std::string> rule = permit.rule_for(*address, network);
        if (!rule) return rule.error();
        permit.rule_ = *rule;
        return permit;
    }
    const bool possible =
        std::any_of(owner.allow.begin(), owner.allow.end(),
                    [&asked](const AllowRule& rule) { return could_cover_name(rule, asked); });
    if (possible) return permit;
    return Error{Fault::kPolicy, asked.target(),
                 "no [[allow]] rule covers this name on port " + std::to_string(asked.port) +
                     " (add one to " + owner.path + ")"};
}

}  // namespace remote_access
