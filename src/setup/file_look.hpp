// SPDX-License-Identifier: Apache-2.0
// Whether a file has changed since it was last looked at, without reading it. Two equal looks:
// nobody wrote, replaced, made or removed it in between.
#pragma once

#include <string>

namespace remote_access {

/// Empty: there is none.
std::string look_of_file(const std::string& path);

}  // namespace remote_access
