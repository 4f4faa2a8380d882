// SPDX-License-Identifier: Apache-2.0
// The floor's way to the cloud, up to the answer of the upgrade; blocking.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <string>

namespace bench {

constexpr std::size_t kBatch = 64 * 1024;

SSL* connect_cloud(int fd, const char* ca_file);
/// The bytes that followed the answer's head.
std::string upgrade(SSL* ssl, const std::string& path);

}  // namespace bench
