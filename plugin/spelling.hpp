// SPDX-License-Identifier: Apache-2.0
// Which command a mistyped word means. What the mapper hands over is never so close to one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace remote_access {

/// The name that one or two letters too many, too few or wrong make `word`; empty: none.
std::string name_meant(std::string_view word, const std::vector<std::string>& names);

}  // namespace remote_access
