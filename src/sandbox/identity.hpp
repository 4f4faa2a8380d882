// SPDX-License-Identifier: Apache-2.0
// Whose process this is: user, groups, capabilities. Only ever less than before. An Error's detail
// names the piece that could not be had.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"

namespace remote_access {

/// Root becomes `user`, else `nobody`, without further groups and capabilities; another user only
/// loses its capabilities.
Result<void> leave_root(const std::string& user, const std::string& group);

/// Root becomes this user with all its groups, as systemd starts its services. An Error where that
/// cannot be, or there is no such user.
Result<void> become_user(const std::string& user, const std::string& group);

/// Of those it has, this process keeps `kept` if it is root's, else none.
Result<void> drop_capabilities(const std::vector<int>& kept);

/// Says in the log which of these paths the present user cannot read.
void warn_of_unreadable(const std::vector<std::string>& paths);

}  // namespace remote_access
