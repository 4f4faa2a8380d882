// SPDX-License-Identifier: Apache-2.0
#include "operation/request.hpp"

#include <utility>

#include "base/utf8.hpp"
#include "operation/checks.hpp"
#include "operation/formats.hpp"

namespace remote_access {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

Result<void> check_text(std::string_view payload) {
    if (payload.find_first_not_of(kBlanks) == std::string_view::npos)
        return payload_error("the payload is empty");
    if (payload.size() > kPayloadLimit)
        return payload_error("the payload has " + std::to_string(payload.size()) +
                             " bytes, more than " + std::to_string(kPayloadLimit));
    if (const std::size_t nul = payload.find('\0'); nul != std::string_view::npos)
        return payload_error("the payload has a NUL (byte " + std::to_string(nul + 1) + ")");
    if (const auto bad = invalid_utf8_at(payload))
        return payload_error("the payload is not UTF-8 (byte " + std::to_string(*bad + 1) + ")");
    return {};
}

}  // namespace

std::string ConnectRequest::target() const {
    const bool v6 = host.find(':') != std::string::npos;
    return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

ParsedOperation parse_operation(std::string_view payload) {
    if (Result<void> usable = check_text(payload); !usable) return {{}, usable.error()};
    payload.remove_prefix(payload.find_first_not_of(kBlanks));
    return payload.front() == '{' ? parse_json_operation(payload) : parse_smartrest(payload);
}

Result<ConnectRequest> make_request(OperationId operation, std::string_view host, std::int64_t port,
                                    Secret key) {
    if (!operation.by_name()) {
        const Result<std::string> id = check_operation_id(operation.id);
        if (!id) return placed("operation id: ", id.error());
    }
    Result<std::string> host_checked = check_host(host);
    if (!host_checked) return placed("host: ", host_checked.error());
    const Result<std::uint16_t> port_checked = check_port(port);
    if (!port_checked) return placed("port: ", port_checked.error());
    Result<Secret> key_checked = check_key(std::move(key));
    if (!key_checked) return placed("key: ", key_checked.error());
    return ConnectRequest{std::move(operation), std::move(*host_checked), *port_checked,
                          std::move(*key_checked)};
}

}  // namespace remote_access
