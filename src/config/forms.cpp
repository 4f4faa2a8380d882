// SPDX-License-Identifier: Apache-2.0
#include "config/forms.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace remote_access {
namespace {

bool is_alphanumeric(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool has_scheme(std::string_view text) { return text.find("://") != std::string_view::npos; }

bool is_broker_host(std::string_view text) {
    return parse_host(text).has_value() || IpAddress::parse(text).has_value();
}

bool is_topic(std::string_view text) {
    return text.find_first_of(std::string_view("#+\0", 3)) == std::string_view::npos;
}

bool is_topic_id(std::string_view text) {
    return is_topic(text) && std::count(text.begin(), text.end(), '/') <= 3;
}

std::string_view unless(bool fits, std::string_view must) {
    return fits ? std::string_view{} : must;
}

}  // namespace

std::string lower_case(std::string_view text) {
    std::string result(text);
    for (char& c : result) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return result;
}

bool is_host_name(std::string_view text) {
    if (text.empty() || text.size() > 253 || text.front() == '.') return false;
    if (text.find("..") != std::string_view::npos) return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
    });
}

std::optional<std::string> parse_host(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        const std::string_view inside = text.substr(1, text.size() - 2);
        if (inside.find(':') == std::string_view::npos) return std::nullopt;
        const auto address = IpAddress::parse(inside);
        if (!address) return std::nullopt;
        return address->text();
    }
    if (!is_host_name(text)) return std::nullopt;
    // As targets are: not every resolver and web server knows "name." for "name".
    if (text.size() > 1 && text.back() == '.') text.remove_suffix(1);
    return lower_case(text);
}

std::optional<std::uint16_t> parse_port(std::string_view digits) {
    std::uint16_t port = 0;
    const char* end = digits.data() + digits.size();
    const auto [last, code] = std::from_chars(digits.data(), end, port);
    if (code != std::errc{} || last != end || port == 0) return std::nullopt;
    return port;
}

std::optional<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port) {
    const std::size_t bracket = text.find(']');
    const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    const auto host = parse_host(text.substr(0, colon));
    if (!host) return std::nullopt;
    if (colon == std::string_view::npos) return HostPort{*host, default_port};
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) return std::nullopt;
    return HostPort{*host, *port};
}

std::optional<ProxyConfig> parse_proxy(std::string_view text) {
    ProxyConfig proxy;
    if (const std::size_t mark = text.find("://"); mark != std::string_view::npos) {
        const std::string scheme = lower_case(text.substr(0, mark));
        if (scheme != "http" && scheme != "https") return std::nullopt;
        proxy.tls = scheme == "https";
        text.remove_prefix(mark + 3);
    }
    const std::uint16_t default_port = proxy.tls ? 443 : 80;
    const auto address = parse_host_port(text.substr(0, text.find_first_of("/?#")), default_port);
    if (!address) return std::nullopt;
    proxy.address = *address;
    return proxy;
}

std::string parse_topic_id(std::string_view text) {
    const auto slashes = static_cast<std::size_t>(std::count(text.begin(), text.end(), '/'));
    return std::string(text) + std::string(slashes < 3 ? 3 - slashes : 0, '/');
}

std::string absolute_path(std::string_view text) {
    std::error_code code;
    const std::filesystem::path given(text);
    const std::filesystem::path absolute = std::filesystem::absolute(given, code);
    std::string result = (code ? given : absolute).lexically_normal().string();
    while (result.size() > 1 && result.back() == '/') result.pop_back();
    return result;
}

std::optional<std::string> parse_profile(std::string_view text) {
    const auto allowed = [](char c) { return is_alphanumeric(c) || c == '-' || c == '_'; };
    if (!std::all_of(text.begin(), text.end(), allowed)) return std::nullopt;
    if (!std::any_of(text.begin(), text.end(), is_alphanumeric)) return std::nullopt;
    return lower_case(text);
}

std::string_view complaint(Form form, std::string_view text) {
    switch (form) {
        case Form::kText:
            return {};
        case Form::kHost:
            if (has_scheme(text)) return "must be a host without a scheme such as https://";
            return unless(parse_host(text).has_value(),
                          "must be a host name or an address, without a port");
        case Form::kHostPort:
            if (has_scheme(text)) return "must be host[:port] without a scheme such as https://";
            return unless(parse_host_port(text, 443).has_value(),
                          "must be host[:port], an IPv6 address in brackets");
        case Form::kBrokerHost:
            return unless(is_broker_host(text), "must be a host name or an address");
        case Form::kPort:
            return unless(parse_port(text).has_value(), "must be a port from 1 to 65535");
        case Form::kFlag:
            return unless(text == "true" || text == "false", "must be true or false");
        case Form::kPath:
            return unless(!text.empty(), "must not be empty");
        case Form::kAuthMethod:
            return unless(text == "certificate" || text == "basic" || text == "auto",
                          "must be certificate, basic or auto");
        case Form::kTopicPrefix:
            return unless(!text.empty() && is_topic(text) && text != "c8y-internal",
                          "must be a topic without # and +, and not c8y-internal");
        case Form::kTopicRoot:
            return unless(!text.empty() && is_topic(text), "must be a topic without # and +");
        case Form::kTopicId:
            return unless(is_topic_id(text), "must be a topic of four segments without # and +");
        case Form::kProxy:
            if (text.find('@') != std::string_view::npos)
                return "must not contain a login (proxy.username and proxy.password are for that)";
            return unless(parse_proxy(text).has_value(), "must be [http[s]://]host[:port]");
    }
    return {};
}

}  // namespace remote_access
