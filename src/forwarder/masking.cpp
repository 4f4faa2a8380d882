// SPDX-License-Identifier: Apache-2.0
#include "forwarder/masking.hpp"

#include <sys/random.h>

#include <cstring>

namespace remote_access {

void mask(std::uint8_t* bytes, std::size_t size, const MaskingKey& key) {
    std::uint64_t twice = 0;
    std::memcpy(&twice, key.data(), 4);
    std::memcpy(reinterpret_cast<std::uint8_t*>(&twice) + 4, key.data(), 4);
    std::size_t done = 0;
    for (; done + 8 <= size; done += 8) {  // through memcpy: the bytes are not aligned
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + done, 8);
        word ^= twice;
        std::memcpy(bytes + done, &word, 8);
    }
    for (; done < size; ++done)
        bytes[done] = static_cast<std::uint8_t>(bytes[done] ^ key[done % 4]);
}

std::uint32_t RandomNumbers::operator()() {
    if (next_ == numbers_.size()) {
        auto* const bytes = reinterpret_cast<std::uint8_t*>(numbers_.data());
        std::size_t done = 0;
        while (done < sizeof numbers_) {  // only a signal makes it short
            const ssize_t got = ::getrandom(bytes + done, sizeof numbers_ - done, 0);
            if (got > 0) done += static_cast<std::size_t>(got);
        }
        next_ = 0;
    }
    return numbers_[next_++];
}

}  // namespace remote_access
