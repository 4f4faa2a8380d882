// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets have in common: a property that must hold for every input, the text that
// stands for a secret, what is true of every error, and streams cut into pieces.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace remote_access::fuzz {

/// Seeds and dictionaries place it where a secret may stand; nothing that is said may repeat it.
constexpr std::string_view kSecret = "hUsHhUsH5ecret";

inline void require(bool holds, const char* property, std::string_view seen = {}) {
    if (holds) return;
    std::fprintf(stderr, "PROPERTY BROKEN: %s\n", property);
    if (!seen.empty()) std::fprintf(stderr, "%.*s\n", static_cast<int>(seen.size()), seen.data());
    std::abort();
}

inline std::string_view as_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

inline bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// A name that is the secret as errors show it: printable() drops bytes that stand between.
inline bool spells_secret(std::string_view name) {
    return has(printable(name, name.size()), kSecret);
}

/// One line of printable ASCII that thin-edge and the cloud take whole.
inline void check_reason(const Error& error) {
    const std::string line = reason(error);
    require(!line.empty() && line.size() <= kReasonLimit, "a reason has 1 to 480 bytes", line);
    require(std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 && c < 0x7F; }),
            "a reason is printable ASCII on one line", line);
}

inline bool hides(const Error& error, std::string_view secret = kSecret) {
    return !has(error.subject, secret) && !has(error.detail, secret) && !has(reason(error), secret);
}

inline void check_hides(const Error& error, std::string_view secret = kSecret) {
    require(hides(error, secret), "an error repeats no secret", reason(error));
}

enum class Cut { kWhole, kBytes, kRandom };
constexpr Cut kCuts[] = {Cut::kWhole, Cut::kBytes, Cut::kRandom};

/// The lengths of the pieces in which a stream arrives; where kRandom cuts depends on the stream.
class Pieces {
public:
    Pieces(Cut cut, std::string_view stream) : cut_(cut) {
        for (const char c : stream) state_ = (state_ ^ static_cast<std::uint8_t>(c)) * 0x01000193U;
    }
    std::size_t next(std::size_t left) {
        if (cut_ == Cut::kWhole) return left;
        if (cut_ == Cut::kBytes) return std::min<std::size_t>(left, 1);
        state_ = state_ * 1664525U + 1013904223U;
        const std::size_t most = (state_ >> 30U) == 0 ? 4096 : 12;
        return std::min(left, 1 + (state_ >> 8U) % most);
    }

private:
    Cut cut_;
    std::uint32_t state_ = 0x811C9DC5U;
};

}  // namespace remote_access::fuzz
