// SPDX-License-Identifier: Apache-2.0
// The device, rules and requests of the policy tests.
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "policy/policy.hpp"

namespace remote_access::policy_test {

inline const std::string kPath = "/etc/tedge/plugins/c8y-remote-access-connect.toml";

/// eth0 192.168.1.10/24, eth1 10.20.0.1/16, a link 10.9.9.0/31, a tunnel (10.8.0.1, its peer is not
/// attached), a public address, 172.31.7.1/24 on a loopback interface, IPv6, and what an interface
/// has unasked: link-local addresses, whose networks show up as attached.
inline NetworkView device() {
    NetworkView network;
    for (const char* own :
         {"127.0.0.1", "::1", "192.168.1.10", "10.20.0.1", "10.9.9.0", "10.8.0.1", "203.0.113.5",
          "172.31.7.1", "fd12:3456::10", "2001:db8::10", "fe80::10", "169.254.7.7"})
        network.own.push_back(*IpAddress::parse(own));
    for (const char* attached : {"192.168.1.0/24", "10.20.0.0/16", "10.9.9.0/31", "203.0.113.5/32",
                                 "fd12:3456::/64", "fe80::/64", "169.254.0.0/16"})
        network.attached.push_back(*IpBlock::parse(attached));
    network.own_networks.push_back(*IpBlock::parse("172.31.7.0/24"));
    return network;
}

inline AllowRule rule(const std::string& text, int line) {
    AllowRule rule;
    rule.text = text;
    rule.line = line;
    rule.block = IpBlock::parse(text);
    if (text == "*") {
        rule.kind = AllowRule::Kind::kAny;
    } else if (text == "this-device") {
        rule.kind = AllowRule::Kind::kThisDevice;
    } else if (text == "local-network") {
        rule.kind = AllowRule::Kind::kLocalNetwork;
    } else if (rule.block) {
        rule.kind = AllowRule::Kind::kBlock;
    } else {
        rule.kind = AllowRule::Kind::kName;
        rule.name = text;
    }
    return rule;
}

/// "host", "host 22" or "host 22 5900-5910"; several separated by ';', in lines 1, 2, …
inline OwnerConfig owner(const std::string& rules) {
    OwnerConfig config;
    config.path = kPath;
    std::istringstream list(rules);
    for (std::string entry; std::getline(list, entry, ';');) {
        std::istringstream words(entry);
        std::string host;
        words >> host;
        config.allow.push_back(rule(host, static_cast<int>(config.allow.size()) + 1));
        for (std::string ports; words >> ports;) {
            const auto first = static_cast<std::uint16_t>(std::stoi(ports));
            const std::size_t dash = ports.find('-');
            const auto last = dash == std::string::npos
                                  ? first
                                  : static_cast<std::uint16_t>(std::stoi(ports.substr(dash + 1)));
            config.allow.back().ports.emplace_back(first, last);
        }
    }
    return config;
}

inline OwnerConfig defaults() {
    OwnerConfig config = owner("this-device;local-network");
    for (AllowRule& built_in : config.allow) built_in.line = 0;
    return config;
}

inline ConnectRequest request(const std::string& host, int port = 22) {
    ConnectRequest request;
    request.host = host;
    request.port = static_cast<std::uint16_t>(port);
    request.key = Secret("test-key");
    return request;
}

}  // namespace remote_access::policy_test
