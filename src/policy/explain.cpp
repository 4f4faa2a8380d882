// SPDX-License-Identifier: Apache-2.0
#include "policy/explain.hpp"

#include <algorithm>
#include <utility>

#include "policy/special.hpp"

namespace remote_access {
namespace {

using Column = std::pair<std::string, std::string>;

/// Two columns, the first as wide as its longest, or on a line of its own.
std::string table(const std::vector<Column>& rows) {
    constexpr std::size_t kWidest = 28;
    std::size_t width = 0;
    for (const auto& [left, right] : rows)
        if (left.size() <= kWidest) width = std::max(width, left.size());
    std::string text;
    for (const auto& [left, right] : rows) {
        const std::size_t blanks = left.size() <= width ? width - left.size() : 0;
        text.append(2, ' ').append(left).append(blanks + 2, ' ').append(right).append("\n");
    }
    return text;
}

std::string ports_text(const AllowRule& rule) {
    if (rule.ports.empty()) return "every port";
    std::string text;
    for (const auto& [first, last] : rule.ports)
        text += (text.empty() ? "" : ", ") + std::to_string(first) +
                (first == last ? "" : "-" + std::to_string(last));
    return (rule.ports.size() == 1 && rule.ports[0].first == rule.ports[0].second ? "port "
                                                                                  : "ports ") +
           text;
}

std::string place_text(const AllowRule& rule, const OwnerConfig& owner) {
    return rule.line == 0 ? "built in" : owner.path + ":" + std::to_string(rule.line);
}

/// What the two words mean here: the special ones among the addresses need a rule of their own.
std::vector<std::string> own_texts(const NetworkView& network) {
    std::vector<std::string> texts{"127.0.0.0/8", "::1"};
    for (const IpBlock& block : network.own_networks)
        if (!is_loopback(block.network)) texts.push_back(block.text());
    for (const IpAddress& address : network.own) {
        const bool within =
            std::any_of(network.own_networks.begin(), network.own_networks.end(),
                        [&address](const IpBlock& block) { return block.contains(address); });
        if (!within && !is_loopback(address) && !special_range(address, network))
            texts.push_back(address.text());
    }
    return texts;
}

std::vector<std::string> attached_texts(const NetworkView& network) {
    std::vector<std::string> texts;
    for (const IpBlock& subnet : network.attached) {
        const auto special = special_range(subnet.network, network);
        const bool wholly = special && special->block.contains(subnet);
        const bool repeated = std::find(texts.begin(), texts.end(), subnet.text()) != texts.end();
        if (!wholly && !repeated) texts.push_back(subnet.text());
    }
    return texts;
}

std::string joined(const std::vector<std::string>& texts) {
    std::string line;
    for (const std::string& text : texts) line += (line.empty() ? "" : ", ") + text;
    return line.empty() ? "nothing" : line;
}

json::Array list_of(const std::vector<std::string>& texts) { return {texts.begin(), texts.end()}; }

json::Object rule_json(const AllowRule& rule, const OwnerConfig& owner) {
    json::Array ports;
    for (const auto& [first, last] : rule.ports)
        ports.emplace_back(json::Array{int{first}, int{last}});
    json::Object members{{"host", rule.text}, {"ports", std::move(ports)}};
    members["built_in"] = rule.line == 0;
    if (rule.line != 0) {
        members["file"] = owner.path;
        members["line"] = rule.line;
    }
    return members;
}

std::string approval_text(const OwnerConfig& owner) {
    return owner.approve.empty() ? "not asked for"
                                 : "asked of the approve command for each session, for at most "
                                   "30 s: " +
                                       owner.approve;
}

std::string switch_text(const OwnerConfig& owner) {
    return owner.enabled ? "enabled" : "switched off (enabled = false): everything is refused";
}

}  // namespace

bool TargetAnswer::allowed(const OwnerConfig& owner) const {
    return owner.enabled && std::any_of(addresses.begin(), addresses.end(), [](const auto& one) {
               return one.verdict.rule.has_value();
           });
}

TargetAnswer answer_for(ConnectRequest request, const std::vector<IpAddress>& addresses,
                        std::string unresolved, const PolicyState& state) {
    TargetAnswer answer{std::move(request), {}, std::move(unresolved)};
    for (const IpAddress& address : addresses)
        answer.addresses.push_back(
            {address, judge(answer.request, state.owner, address, state.network)});
    return answer;
}

std::string policy_text(const PolicyState& state) {
    const OwnerConfig& owner = state.owner;
    std::vector<Column> rules, special;
    for (const AllowRule& rule : owner.allow)
        rules.emplace_back(rule.text, ports_text(rule) + "  (" + place_text(rule, owner) + ")");
    for (const SpecialRange& range : special_ranges(state.network))
        special.emplace_back(range.block.text(), range.what);
    return table({{"settings", owner.path + (state.file_exists ? "" : " (not there: defaults)")},
                  {"remote access", switch_text(owner)},
                  {"approval", approval_text(owner)}}) +
           "\nAllowed, the first rule that covers host and port decides:\n" + table(rules) +
           "\nWhat that means on this device now:\n" +
           table({{"this-device", joined(own_texts(state.network))},
                  {"local-network", joined(attached_texts(state.network)) +
                                        ", without this device's own addresses"}}) +
           "\nReached only by a rule that names the address, or a network inside the range:\n" +
           table(special);
}

json::Value policy_json(const PolicyState& state) {
    json::Array rules, special;
    for (const AllowRule& rule : state.owner.allow)
        rules.emplace_back(rule_json(rule, state.owner));
    for (const SpecialRange& range : special_ranges(state.network))
        special.emplace_back(json::Object{{"range", range.block.text()}, {"what", range.what}});
    return json::Object{{"settings", state.owner.path},
                        {"exists", state.file_exists},
                        {"enabled", state.owner.enabled},
                        {"approve", state.owner.approve},
                        {"rules", std::move(rules)},
                        {"this_device", list_of(own_texts(state.network))},
                        {"local_network", list_of(attached_texts(state.network))},
                        {"special", std::move(special)}};
}

std::string answer_text(const TargetAnswer& answer, const PolicyState& state) {
    const OwnerConfig& owner = state.owner;
    std::vector<Column> rows;
    for (const auto& [address, verdict] : answer.addresses)
        rows.emplace_back(address.text(), verdict.rule ? "allowed by " + verdict.rule->text + ", " +
                                                             ports_text(*verdict.rule) + "  (" +
                                                             place_text(*verdict.rule, owner) + ")"
                                                       : "refused: " + verdict.why);
    std::string text = answer.request.target() + "\n" + table(rows);
    if (!answer.unresolved.empty()) text += "  no address: " + answer.unresolved + "\n";
    if (!owner.enabled)
        return text + "refused: remote access is switched off (enabled = false in " + owner.path +
               "), before any rule is asked\n";
    if (!answer.allowed(owner)) return text + "refused\n";
    text += "allowed: a session tries the allowed addresses and no other\n";
    if (!owner.approve.empty())
        text += "before that, the approve command is asked, which this did not: " + owner.approve +
                "\n";
    return text;
}

json::Value answer_json(const TargetAnswer& answer, const PolicyState& state) {
    json::Array addresses;
    for (const auto& [address, verdict] : answer.addresses) {
        json::Object one{{"address", address.text()}, {"allowed", verdict.rule.has_value()}};
        if (verdict.rule) one["rule"] = rule_json(*verdict.rule, state.owner);
        if (!verdict.rule) one["why"] = verdict.why;
        addresses.emplace_back(std::move(one));
    }
    json::Object members{{"host", answer.request.host},
                         {"port", int{answer.request.port}},
                         {"allowed", answer.allowed(state.owner)},
                         {"enabled", state.owner.enabled},
                         {"approve", state.owner.approve},
                         {"settings", state.owner.path},
                         {"addresses", std::move(addresses)}};
    if (!answer.unresolved.empty()) members["unresolved"] = answer.unresolved;
    return members;
}

}  // namespace remote_access
