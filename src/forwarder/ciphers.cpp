// SPDX-License-Identifier: Apache-2.0
#include "forwarder/ciphers.hpp"

#include <array>
#include <charconv>
#include <cstdint>

namespace remote_access {
namespace {

struct Processor {
    std::string_view prefix;
    unsigned aes_bit;
};

// crypto/x86cpuid: CPUID.1:ECX is the upper half; crypto/arm_arch.h: ARMV8_AES.
constexpr std::array kProcessors{Processor{"OPENSSL_ia32cap=0x", 32 + 25},
                                 Processor{"OPENSSL_armcap=0x", 2}};

}  // namespace

bool has_aes(std::string_view settings) {
    for (const Processor& processor : kProcessors) {
        if (settings.substr(0, processor.prefix.size()) != processor.prefix) continue;
        settings.remove_prefix(processor.prefix.size());
        std::uint64_t bits = 0;
        const auto end = settings.data() + settings.size();
        if (std::from_chars(settings.data(), end, bits, 16).ec != std::errc{}) return true;
        return (bits >> processor.aes_bit & 1U) != 0;
    }
    return true;
}

}  // namespace remote_access
