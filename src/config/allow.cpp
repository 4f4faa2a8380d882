// SPDX-License-Identifier: Apache-2.0
#include "config/allow.hpp"

#include <optional>
#include <utility>

#include "config/forms.hpp"

namespace remote_access {
namespace {

using PortRange = std::pair<std::uint16_t, std::uint16_t>;

// "10.0.0.300" and "0x7f.1" are no names: their last label is a number, which getaddrinfo() takes
// for an address.
bool ends_in_number(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    const std::string_view label = dot == std::string_view::npos ? name : name.substr(dot + 1);
    if (label.substr(0, 2) == "0x") return true;
    return label.find_first_not_of("0123456789") == std::string_view::npos;
}

std::string_view without_brackets(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']')
        return text.substr(1, text.size() - 2);
    return text;
}

bool set_host(AllowRule& rule) {
    std::string host = lower_case(rule.text);
    if (host == "*") {
        rule.kind = AllowRule::Kind::kAny;
    } else if (host == "this-device") {
        rule.kind = AllowRule::Kind::kThisDevice;
    } else if (host == "local-network") {
        rule.kind = AllowRule::Kind::kLocalNetwork;
    } else if ((rule.block = IpBlock::parse(without_brackets(host)))) {
        rule.kind = AllowRule::Kind::kBlock;
    } else {
        if (!host.empty() && host.back() == '.') host.pop_back();
        if (!is_host_name(host) || ends_in_number(host)) return false;
        rule.kind = AllowRule::Kind::kName;
        rule.name = std::move(host);
    }
    return true;
}

std::optional<PortRange> port_range(const TomlNode& node) {
    if (node.kind == TomlNode::Kind::kInteger) {
        const auto port = parse_port(std::to_string(node.integer));
        if (!port) return std::nullopt;
        return PortRange{*port, *port};
    }
    if (node.kind != TomlNode::Kind::kText) return std::nullopt;
    const std::string_view text = node.text.reveal();
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto low = parse_port(text.substr(0, dash));
    const auto high = parse_port(text.substr(dash + 1));
    if (!low || !high || *low > *high) return std::nullopt;
    return PortRange{*low, *high};
}

}  // namespace

Result<AllowRule> read_allow_rule(const TomlNode& table, const std::string& path) {
    AllowRule rule;
    rule.line = table.line;
    for (const TomlNode& child : table.children) {
        if (child.key != "host" && child.key != "ports")
            return key_error(path, child.line, "allow." + child.key, "is unknown");
    }
    const TomlNode* host = table.find("host");
    if (!host) return key_error(path, table.line, "allow.host", "is missing");
    rule.text = host->text.reveal();
    if (host->kind != TomlNode::Kind::kText || !set_host(rule))
        return key_error(path, host->line, "allow.host",
                         "must be a name, an address, a network such as 192.168.1.0/24, "
                         "this-device, local-network or *");
    const TomlNode* ports = table.find("ports");
    if (!ports) return rule;
    // An empty list could be taken for "none" or for "all".
    if (ports->kind != TomlNode::Kind::kArray || ports->children.empty())
        return key_error(path, ports->line, "allow.ports",
                         "must be a list such as [22, \"5900-5910\"], or absent for all");
    for (const TomlNode& port : ports->children) {
        const auto range = port_range(port);
        if (!range)
            return key_error(path, port.line, "allow.ports",
                             "each must be a port from 1 to 65535 or a range \"5900-5910\"");
        rule.ports.push_back(*range);
    }
    return rule;
}

std::vector<AllowRule> default_allow_rules() {
    std::vector<AllowRule> rules;
    for (const char* host : {"this-device", "local-network"}) {
        AllowRule rule;
        rule.text = host;
        set_host(rule);
        rules.push_back(std::move(rule));
    }
    return rules;
}

}  // namespace remote_access
