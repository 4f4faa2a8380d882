// SPDX-License-Identifier: Apache-2.0
// The cloud's side of WebSocket, written a second time and naively, to check ours against.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace remote_access::testing {

constexpr int kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

struct Frame {
    int opcode = kBinary;
    bool fin = true;
    std::string payload;
};

inline std::string number(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xFF);
    return text;
}

/// Header of an unmasked frame that announces `size` bytes; `bits` are RSV1–3.
inline std::string header(int opcode, std::uint64_t size, bool fin = true, int bits = 0) {
    std::string text(1, static_cast<char>((fin ? 0x80 : 0) | bits | opcode));
    if (size < 126) return text + static_cast<char>(size);
    if (size < 65536) return text + '\x7e' + number(size, 2);
    return text + '\x7f' + number(size, 8);
}

inline std::string frame(int opcode, std::string_view payload, bool fin = true) {
    return header(opcode, payload.size(), fin).append(payload);
}

inline std::string close_frame(std::uint16_t code, std::string_view reason = {}) {
    return frame(kClose, number(code, 2).append(reason));
}

/// Takes whole masked frames from the beginning of `bytes`. An unmasked one ends it.
inline std::vector<Frame> take_frames(std::string& bytes) {
    std::vector<Frame> frames;
    const auto at = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    while (bytes.size() >= 6 && (at(1) & 0x80U) != 0) {
        std::size_t size = at(1) & 0x7FU, start = 2;
        if (size == 126) {
            size = at(2) * 256U + at(3);
            start = 4;
        }
        if (bytes.size() < start + 4 + size) break;
        Frame frame{at(0) & 0x0F, (at(0) & 0x80U) != 0, bytes.substr(start + 4, size)};
        for (std::size_t i = 0; i < size; ++i)
            frame.payload[i] = static_cast<char>(frame.payload[i] ^ bytes[start + i % 4]);
        bytes.erase(0, start + 4 + size);
        frames.push_back(std::move(frame));
    }
    return frames;
}

/// Bytes that do not repeat with any power of two.
inline std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i % 251 + i / 251 % 7);
    return text;
}

}  // namespace remote_access::testing
