// SPDX-License-Identifier: Apache-2.0
// The two forms of an operation. Both take text that is known to be UTF-8 without NUL, not blank
// and within the limit of size.
#pragma once

#include <string_view>

#include "operation/request.hpp"

namespace remote_access {

ParsedOperation parse_smartrest(std::string_view text);
ParsedOperation parse_json_operation(std::string_view text);

}  // namespace remote_access
