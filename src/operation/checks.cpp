// SPDX-License-Identifier: Apache-2.0
#include "operation/checks.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/ip.hpp"

namespace remote_access {
namespace {

constexpr std::size_t kLongestName = 253;  // RFC 1035 in text form
constexpr std::size_t kLongestLabel = 63;
constexpr std::size_t kLongestKey = 128;
constexpr std::size_t kLongestId = 32;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
bool all_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

std::string lower_case(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return lower;
}

/// getaddrinfo() takes 2130706433, 0177.0.0.1 and 0x7f.1 for addresses. The rule for them is that
/// of the WHATWG URL standard ("ends in a number"): no real name has such a last label.
bool ends_in_number(std::string_view name) {
    const std::string_view last = name.substr(name.rfind('.') + 1);
    if (all_digits(last)) return true;
    return last.substr(0, 2) == "0x" && std::all_of(last.begin() + 2, last.end(), is_hex);
}

/// What is wrong with one label of a name; empty: nothing.
std::string_view label_fault(std::string_view label) {
    if (label.empty()) return "has an empty label (two dots in a row, or a dot in front)";
    if (label.size() > kLongestLabel) return "has a label of more than 63 characters";
    if (label.front() == '-' || label.back() == '-')
        return "has a label that begins or ends with a hyphen";
    for (const char c : label) {
        if (static_cast<unsigned char>(c) >= 0x80)
            return "has characters beyond ASCII (write an international name in its xn-- form)";
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '_')
            return "has a character that no host name has";
    }
    return {};
}

Result<std::string> check_name(std::string_view text) {
    if (text.back() == '.') text.remove_suffix(1);
    if (text.empty()) return payload_error("is only a dot");
    if (text.size() > kLongestName) return payload_error("is longer than 253 characters");
    for (std::string_view rest = text;;) {
        const std::size_t dot = rest.find('.');
        const std::string_view fault = label_fault(rest.substr(0, dot));
        if (!fault.empty()) return payload_error(std::string(fault));
        if (dot == std::string_view::npos) break;
        rest.remove_prefix(dot + 1);
    }
    std::string name = lower_case(text);
    if (ends_in_number(name))
        return payload_error(
            "is neither a name nor an IPv4 address in its plain form (four decimal numbers, such "
            "as 192.0.2.7)");
    return name;
}

}  // namespace

Error payload_error(std::string detail) { return {Fault::kPayload, {}, std::move(detail)}; }

Error placed(std::string_view place, const Error& error) {
    return {error.fault, error.subject, std::string(place) + error.detail};
}

Result<std::string> check_host(std::string_view text) {
    if (text.empty()) return payload_error("is empty");
    const bool bracketed = text.front() == '[' || text.back() == ']';
    if (bracketed) {
        if (text.size() < 2 || text.front() != '[' || text.back() != ']')
            return payload_error("has only one bracket of a pair");
        text = text.substr(1, text.size() - 2);
    }
    const bool colon = text.find(':') != std::string_view::npos;
    if (colon && text.find('%') != std::string_view::npos)
        return payload_error("has a zone id (the part after %): zone ids are not supported");
    if (bracketed && !colon) return payload_error("has brackets, but not around an IPv6 address");
    if (const auto address = IpAddress::parse(text)) return address->text();
    if (colon) return payload_error("is not an IPv6 address (the port is a field of its own)");
    return check_name(text);
}

Result<std::uint16_t> check_port(std::int64_t number) {
    if (number < 1 || number > 65535)
        return payload_error(std::to_string(number) + " is not between 1 and 65535");
    return static_cast<std::uint16_t>(number);
}

Result<std::uint16_t> check_port(std::string_view digits) {
    if (digits.empty()) return payload_error("is empty");
    constexpr std::size_t kMostDigits = 6;  // longer ones are not quoted: they may be the key
    if (!all_digits(digits)) return payload_error("is not a number in decimal digits");
    if (digits.size() > kMostDigits)
        return payload_error("has more digits than a number between 1 and 65535");
    std::int64_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return check_port(number);
}

Result<Secret> check_key(Secret key) {
    const std::string_view text = key.reveal();
    if (text.empty()) return payload_error("is empty");
    if (text.size() > kLongestKey) return payload_error("is longer than 128 characters");
    const auto allowed = [](char c) {
        return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
    };
    if (!std::all_of(text.begin(), text.end(), allowed))
        return payload_error("has a character other than letters, digits, '.', '_' and '-'");
    // As the last part of a URL's path these two would name another resource.
    if (text == "." || text == "..") return payload_error("consists of dots only");
    return key;
}

Result<std::string> check_operation_id(std::string_view text) {
    if (text.size() > kLongestId || !all_digits(text))
        return payload_error("is not a number in decimal digits");
    return std::string(text);
}

}  // namespace remote_access
