// SPDX-License-Identifier: Apache-2.0
#include "forwarder/masking.hpp"

#include <doctest/doctest.h>

#include <set>
#include <vector>

namespace remote_access {

TEST_CASE("masking is the byte-wise one at every alignment and length") {
    const MaskingKey key{0x12, 0xF4, 0x00, 0x9B};
    for (std::size_t offset = 0; offset < 9; ++offset) {
        for (std::size_t size = 0; size < 70; ++size) {
            std::vector<std::uint8_t> bytes(offset + size + 8);
            for (std::size_t i = 0; i < bytes.size(); ++i)
                bytes[i] = static_cast<std::uint8_t>(i * 37);
            std::vector<std::uint8_t> expected = bytes;
            for (std::size_t i = 0; i < size; ++i)
                expected[offset + i] = static_cast<std::uint8_t>(expected[offset + i] ^ key[i % 4]);
            mask(bytes.data() + offset, size, key);
            REQUIRE(bytes == expected);
        }
    }
}

TEST_CASE("masking keys do not repeat") {
    RandomNumbers random;
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 200; ++i) seen.insert(random());
    CHECK(seen.size() >= 199);
}

}  // namespace remote_access
