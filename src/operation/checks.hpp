// SPDX-License-Identifier: Apache-2.0
// One check a value, the same for both formats. Each gives the value in its one accepted form, or
// an Error whose detail is a phrase to stand behind the value's place: "70000 is not between …".
// No phrase quotes text of the payload: with fields in the wrong order, any may be the key.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace remote_access {

/// A name (lower case, no trailing dot) or a literal address (as inet_ntop writes it).
Result<std::string> check_host(std::string_view text);
Result<std::uint16_t> check_port(std::int64_t number);
Result<std::uint16_t> check_port(std::string_view digits);
Result<Secret> check_key(Secret key);
Result<std::string> check_operation_id(std::string_view text);

/// kPayload with this detail.
Error payload_error(std::string detail);
/// `error` with its place in front: "SmartREST record 1, field 4 (port): ".
Error placed(std::string_view place, const Error& error);

}  // namespace remote_access
