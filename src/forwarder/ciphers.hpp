// SPDX-License-Identifier: Apache-2.0
// Which cipher this processor is quick at. Pure.
#pragma once

#include <string_view>

namespace remote_access {

/// `settings` is OpenSSL's own list of what it uses of the processor (OPENSSL_INFO_CPU_SETTINGS):
/// what is masked there it does not use, whatever the processor can do. True where the list is not
/// understood.
bool has_aes(std::string_view settings);

}  // namespace remote_access
