// SPDX-License-Identifier: Apache-2.0
// What certificate the other side has shown, in words: for whom, by whom, from when to when. Also
// of one that is not trusted. It is the other side's text: one line of printable ASCII.
#pragma once

#include <string>

struct ssl_st;

namespace remote_access {

/// Empty where none was shown. Of a connection whose handshake has ended, well or not.
std::string certificate_text(const ssl_st* connection);

}  // namespace remote_access
