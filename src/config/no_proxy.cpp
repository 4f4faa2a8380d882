// SPDX-License-Identifier: Apache-2.0
#include "config/no_proxy.hpp"

#include <algorithm>
#include <charconv>

#include "config/forms.hpp"

namespace remote_access {
namespace {

constexpr std::string_view kSeparators = ", \t\r\n";

std::string_view without_final_dot(std::string_view name) {
    if (!name.empty() && name.back() == '.') name.remove_suffix(1);
    return name;
}

bool is_below(std::string_view name, std::string_view domain) {
    return name.size() > domain.size() + 1 && name[name.size() - domain.size() - 1] == '.' &&
           name.substr(name.size() - domain.size()) == domain;
}

/// "10.0.0.0/8"; bits behind the prefix are passed over, as thin-edge does.
std::optional<IpBlock> read_block(std::string_view text) {
    if (auto block = IpBlock::parse(text)) return block;
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto address = IpAddress::parse(text.substr(0, slash));
    const std::string_view digits = text.substr(slash + 1);
    int prefix = -1;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (!address || code != std::errc{} || end != digits.data() + digits.size()) return {};
    if (prefix < 0 || prefix > (address->v4() ? 32 : 128)) return std::nullopt;
    return IpBlock::around(*address, prefix);
}

/// Takes ":port" off the end of `text`; nothing: what is there is no port.
std::optional<std::uint16_t> take_port(std::string_view& text) {
    const std::size_t bracket = text.rfind(']');
    const std::size_t from = bracket == std::string_view::npos ? 0 : bracket;
    const std::size_t colon = text.find(':', from);
    if (colon == std::string_view::npos) return 0;
    if (bracket == std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos)
        return 0;  // IPv6 without brackets
    const auto port = parse_port(text.substr(colon + 1));
    text = text.substr(0, colon);
    return port;
}

/// "[fd00::]/8" and "[fd00::/8]" without their brackets.
std::string without_brackets(std::string_view text) {
    std::string plain(text);
    const std::size_t closing = plain.find(']');
    if (plain.empty() || plain.front() != '[' || closing == std::string::npos) return plain;
    plain.erase(closing, 1);
    plain.erase(0, 1);
    return plain;
}

}  // namespace

std::optional<NoProxy::Entry> NoProxy::read(std::string_view text) {
    Entry entry;
    const auto port = take_port(text);
    if (!port) return std::nullopt;
    entry.port = *port;
    if (text == "*") return entry;
    entry.block = read_block(without_brackets(text));
    if (entry.block) return entry;
    if (text.substr(0, 1) == "*") {
        entry.itself = false;
        text.remove_prefix(1);
        if (text.substr(0, 1) != ".") return std::nullopt;
    }
    if (text.substr(0, 1) == ".") text.remove_prefix(1);
    entry.name = lower_case(without_final_dot(text));
    if (!is_host_name(entry.name)) return std::nullopt;
    return entry;
}

NoProxy::NoProxy(std::string_view list) {
    while (!list.empty()) {
        const std::string_view text = list.substr(0, list.find_first_of(kSeparators));
        list.remove_prefix(std::min(text.size() + 1, list.size()));
        if (text.empty()) continue;
        if (auto entry = read(text)) {
            entries_.push_back(std::move(*entry));
        } else {
            unreadable_.emplace_back(text);
        }
    }
}

bool NoProxy::names(const HostPort& host) const {
    const std::string name = lower_case(without_final_dot(host.host));
    const auto address = IpAddress::parse(name);
    return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) {
        if (entry.port != 0 && entry.port != host.port) return false;
        if (entry.block) return address && entry.block->contains(*address);
        if (entry.name.empty()) return true;
        if (address) return false;
        return (entry.itself && name == entry.name) || is_below(name, entry.name);
    });
}

}  // namespace remote_access
