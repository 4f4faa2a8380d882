// SPDX-License-Identifier: Apache-2.0
// What a script sends, as a stream of bytes that is never laid out as a whole.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "script.hpp"

namespace bench {

class Outgoing {
public:
    /// `bytes` of payload in frames of `frame` bytes; a frame beyond 1 MiB is one single message.
    void bulk(const Wire& wire, std::uint64_t bytes, std::uint64_t frame) {
        if (bytes == 0) return;
        const bool single = frame > kSingle;
        head_ = single ? wire.head(bytes) : std::vector<std::uint8_t>{};
        pattern_.clear();
        const std::uint64_t part = single ? kChunk : frame;
        std::uint64_t payload = 0;
        do {
            const auto head = single ? std::vector<std::uint8_t>{} : wire.head(part);
            pattern_.insert(pattern_.end(), head.begin(), head.end());
            for (std::uint64_t i = 0; i < part; ++i)
                pattern_.push_back(static_cast<std::uint8_t>(i * 31));
            payload += part;
        } while (payload < kChunk);
        repeats_ = bytes / payload;  // the caller asks for a multiple
        planned_ = repeats_ * payload;
        at_ = 0;
    }
    void message(const Wire& wire, const std::uint8_t* bytes, std::size_t size) {
        if (done()) head_.clear(), at_ = 0;
        const auto head = wire.head(size);
        head_.insert(head_.end(), head.begin(), head.end());
        head_.insert(head_.end(), bytes, bytes + size);
    }
    bool done() const { return at_ == head_.size() && repeats_ == 0; }
    /// At most `most` bytes; how many the wire took.
    std::size_t write(Wire& wire, std::size_t most) {
        std::size_t written = 0;
        while (!done() && written < most) {
            const bool heading = at_ < head_.size();
            const auto& from = heading ? head_ : pattern_;
            const std::size_t start = heading ? at_ : at_ - head_.size();
            const std::size_t took =
                wire.write(from.data() + start, std::min(from.size() - start, most - written));
            if (took == 0) break;
            written += took;
            at_ += took;
            if (heading || at_ < head_.size() + pattern_.size()) continue;
            at_ = head_.size();
            --repeats_;
        }
        return written;
    }
    void stop() { repeats_ = repeats_ > 0 ? 1 : 0; }
    std::uint64_t planned() const { return planned_; }
    std::uint64_t unsent_repeats() const { return repeats_; }

private:
    static constexpr std::uint64_t kSingle = 1 << 20, kChunk = 64 * 1024;

    std::vector<std::uint8_t> head_, pattern_;
    std::uint64_t repeats_ = 0, planned_ = 0;
    std::size_t at_ = 0;
};

}  // namespace bench
