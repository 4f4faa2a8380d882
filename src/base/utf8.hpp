// SPDX-License-Identifier: Apache-2.0
// Whether text is UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace remote_access {

/// The byte at which `text` stops being UTF-8, or nothing.
std::optional<std::size_t> invalid_utf8_at(std::string_view text);

}  // namespace remote_access
