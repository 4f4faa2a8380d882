// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.hpp"

#include <cstdint>

namespace remote_access {
namespace {

struct Sequence {
    std::size_t length;            // 0: no sequence begins with this byte
    std::uint8_t lowest, highest;  // bounds of the second byte (Unicode, table 3-7)
};

Sequence sequence_of(std::uint8_t first) {
    if (first < 0x80) return {1, 0, 0};
    if (first < 0xC2) return {0, 0, 0};
    if (first < 0xE0) return {2, 0x80, 0xBF};
    if (first == 0xE0) return {3, 0xA0, 0xBF};
    if (first == 0xED) return {3, 0x80, 0x9F};
    if (first < 0xF0) return {3, 0x80, 0xBF};
    if (first == 0xF0) return {4, 0x90, 0xBF};
    if (first < 0xF4) return {4, 0x80, 0xBF};
    if (first == 0xF4) return {4, 0x80, 0x8F};
    return {0, 0, 0};
}

}  // namespace

std::optional<std::size_t> invalid_utf8_at(std::string_view text) {
    const auto byte = [text](std::size_t at) { return static_cast<std::uint8_t>(text[at]); };
    for (std::size_t at = 0; at < text.size();) {
        const Sequence sequence = sequence_of(byte(at));
        if (sequence.length == 0 || text.size() - at < sequence.length) return at;
        for (std::size_t i = 1; i < sequence.length; ++i) {
            const std::uint8_t lowest = i == 1 ? sequence.lowest : 0x80;
            const std::uint8_t highest = i == 1 ? sequence.highest : 0xBF;
            if (byte(at + i) < lowest || byte(at + i) > highest) return at;
        }
        at += sequence.length;
    }
    return std::nullopt;
}

}  // namespace remote_access
