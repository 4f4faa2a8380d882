// SPDX-License-Identifier: Apache-2.0
// The operation's text becomes a ConnectRequest, or an Error that says what is wrong and where.
// Pure. Formats: SmartREST 530 (Cumulocity static template) and the operation as JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace remote_access {

/// How the status of this operation is reported (SmartREST 501–503 by name, 504–506 by id).
struct OperationId {
    std::string id;  ///< digits; empty: by name
    bool by_name() const { return id.empty(); }
};

struct ConnectRequest {
    OperationId operation;
    std::string host;  ///< lower-case name without trailing dot, or IPv4/IPv6 text without brackets
    std::uint16_t port = 0;
    Secret key;  ///< [A-Za-z0-9._-]{1,128}

    std::string target() const;  ///< "host:port", IPv6 in brackets
};

/// What was read of an unusable payload, so that its failure can still be reported.
struct ParsedOperation {
    OperationId operation;
    Result<ConnectRequest> request;
};

constexpr std::size_t kPayloadLimit = std::size_t{16} * 1024;

ParsedOperation parse_operation(std::string_view payload);

/// The same checks for values that came in one by one (a message of another process).
Result<ConnectRequest> make_request(OperationId operation, std::string_view host, std::int64_t port,
                                    Secret key);

}  // namespace remote_access
