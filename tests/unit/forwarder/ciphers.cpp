// SPDX-License-Identifier: Apache-2.0
#include "forwarder/ciphers.hpp"

#include <doctest/doctest.h>

namespace remote_access {

TEST_CASE("AES is seen as OpenSSL sees it, also where it is masked") {
    CHECK(has_aes("OPENSSL_ia32cap=0xfffaf3ffffebffff:0x1c27a9"));
    CHECK_FALSE(has_aes("OPENSSL_ia32cap=0xfdfaf3ffffebffff:0x1c27a9 env:~0x200000200000000"));
    CHECK(has_aes("OPENSSL_armcap=0x7d"));
    CHECK_FALSE(has_aes("OPENSSL_armcap=0x1"));
    CHECK(has_aes("OPENSSL_armcap=0xodd"));
    CHECK(has_aes("OPENSSL_riscvcap=..."));
    CHECK(has_aes(""));
}

}  // namespace remote_access
