// SPDX-License-Identifier: Apache-2.0
#include "mqtt/status.hpp"

#include <algorithm>

namespace remote_access {
namespace {

constexpr std::string_view kFragment = "c8y_RemoteAccessConnect";
constexpr std::size_t kLongestToken = std::size_t{8} * 1024;

std::string text(const OperationId& operation, int by_name, int by_id) {
    if (operation.by_name()) return std::to_string(by_name) + "," + std::string(kFragment);
    return std::to_string(by_id) + "," + operation.id;
}

/// The two forms of an escaped quote are not read alike everywhere, so there is none inside.
std::string quoted(std::string field) {
    std::replace(field.begin(), field.end(), '"', '\'');
    return '"' + field + '"';
}

bool may_be_in_token(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~+/=").find(c) != std::string_view::npos;
}

}  // namespace

std::string executing_text(const OperationId& operation) { return text(operation, 501, 504); }

std::string final_text(const OperationId& operation, const FinalStatus& status) {
    if (status.successful) return text(operation, 503, 506);
    return text(operation, 502, 505) + "," + quoted(status.reason);
}

std::string abandoned_text(const OperationId& operation, const std::string& reason) {
    return text(operation, 507, 505) + "," + quoted(reason);
}

std::string protocols_text(const std::vector<std::string_view>& protocols) {
    std::string text = "150";
    for (const std::string_view protocol : protocols) text.append(",").append(protocol);
    return text;
}

std::optional<Secret> read_token(std::string_view payload) {
    constexpr std::string_view kTemplate = "71,";
    if (payload.substr(0, kTemplate.size()) != kTemplate) return std::nullopt;
    payload.remove_prefix(kTemplate.size());
    while (!payload.empty() && (payload.back() == '\n' || payload.back() == '\r'))
        payload.remove_suffix(1);
    const bool usable = !payload.empty() && payload.size() <= kLongestToken &&
                        std::all_of(payload.begin(), payload.end(), may_be_in_token);
    if (!usable) return std::nullopt;
    return Secret(std::string(payload));
}

}  // namespace remote_access
