// SPDX-License-Identifier: Apache-2.0
#include "policy/protocols.hpp"

#include <algorithm>
#include <cstdint>

namespace remote_access {
namespace {

struct Protocol {
    std::string_view name;
    std::uint16_t port;
};
constexpr Protocol kProtocols[]{{"SSH", 22}, {"VNC", 5900}, {"TELNET", 23}};

/// How many of the three ports lie in a range; a range that has more ports than these has another.
bool has_other_port(std::uint16_t low, std::uint16_t high) {
    const auto named =
        std::count_if(std::begin(kProtocols), std::end(kProtocols),
                      [&](const Protocol& one) { return low <= one.port && one.port <= high; });
    return high - low + 1 > named;
}

bool covers(const AllowRule& rule, std::uint16_t port) {
    return rule.ports.empty() ||
           std::any_of(rule.ports.begin(), rule.ports.end(), [port](const auto& range) {
               return range.first <= port && port <= range.second;
           });
}

bool covers_other(const AllowRule& rule) {
    return rule.ports.empty() ||
           std::any_of(rule.ports.begin(), rule.ports.end(),
                       [](const auto& range) { return has_other_port(range.first, range.second); });
}

}  // namespace

std::vector<std::string_view> allowed_protocols(const OwnerConfig& owner) {
    std::vector<std::string_view> names;
    if (!owner.enabled) return names;
    const std::vector<AllowRule>& rules = owner.allow;
    for (const Protocol& protocol : kProtocols) {
        if (std::any_of(rules.begin(), rules.end(),
                        [&protocol](const AllowRule& rule) { return covers(rule, protocol.port); }))
            names.push_back(protocol.name);
    }
    if (std::any_of(rules.begin(), rules.end(), covers_other)) names.emplace_back("PASSTHROUGH");
    return names;
}

}  // namespace remote_access
