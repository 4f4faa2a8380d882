// SPDX-License-Identifier: Apache-2.0
// Two ends in memory and a clock that is ours: the pump runs to its end in no time, and a test sees
// what each side would have seen, and when.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "forwarder/pump.hpp"
#include "frames.hpp"

namespace remote_access::testing {

constexpr std::size_t kUnlimited = std::numeric_limits<std::size_t>::max();

/// What both ends have in common: bytes to be read, then perhaps an end; a window for writing.
struct Side {
    std::string incoming;
    bool ends = false, resets = false;  // after `incoming`
    std::size_t piece = kUnlimited;     // most bytes of one read
    std::size_t window = kUnlimited;    // what the peer still takes
    bool deaf = false;                  // a write fails
    std::string received;               // by the peer
    Milliseconds owed{0};               // since when its kernel acknowledges nothing

    bool readable() const { return !incoming.empty() || ends || resets; }
    bool writable() const { return window > 0 || deaf; }

    Transfer read(std::uint8_t* into, std::size_t room) {
        if (incoming.empty() && resets) return {Transfer::State::kFailed};
        if (incoming.empty()) return {ends ? Transfer::State::kEnded : Transfer::State::kBlocked};
        const std::size_t size = std::min({room, piece, incoming.size()});
        std::memcpy(into, incoming.data(), size);
        incoming.erase(0, size);
        return {Transfer::State::kMoved, size, incoming.empty() && !ends && !resets};
    }

    Transfer write(const char* bytes, std::size_t size) {
        if (deaf) return {Transfer::State::kFailed};
        if (window == 0) return {};
        const std::size_t taken = std::min(size, window);
        received.append(bytes, taken);
        if (window != kUnlimited) window -= taken;
        return {Transfer::State::kMoved, taken};
    }
};

struct MemoryTarget final : TargetEnd, Side {
    bool writing_ended = false, acknowledges = true;

    Transfer read(std::uint8_t* const* pieces, std::size_t count, std::size_t room) override {
        Transfer all = Side::read(pieces[0], room);
        for (std::size_t i = 1; i < count && all.bytes == i * room && !all.drained; ++i) {
            const Transfer next = Side::read(pieces[i], room);
            if (!next.moved()) return all;
            all.bytes += next.bytes;
            all.drained = next.drained;
        }
        return all;
    }
    Transfer write(const std::uint8_t* bytes, std::size_t size) override {
        CHECK_FALSE(writing_ended);
        return Side::write(reinterpret_cast<const char*>(bytes), size);
    }
    void end_writing() override { writing_ended = true; }
    bool delivered() override { return acknowledges; }
    Milliseconds acknowledgement_age() const override { return owed; }
    std::string failure() const override { return "Connection reset by peer"; }
};

struct MemoryCloud final : CloudEnd, Side {
    static constexpr std::size_t kBuffer = 67 * 1024;
    std::string buffer;
    std::size_t sends = 0;
    std::uint64_t given = 1'000'000;
    std::size_t in_kernel = 0;  // of what was given

    Transfer read(std::uint8_t* into, std::size_t room) override { return Side::read(into, room); }
    std::size_t room() const override {
        return std::min<std::size_t>(kBuffer - buffer.size(), 16 * 1024);
    }
    std::size_t records() const override { return (kBuffer - buffer.size()) / (16 * 1024); }
    bool write(const std::uint8_t* bytes, std::size_t size) override {
        REQUIRE(size <= room());
        buffer.append(reinterpret_cast<const char*>(bytes), size);
        given += size;
        return true;
    }
    Transfer flush() override {
        std::size_t moved = 0;
        while (!buffer.empty()) {
            const Transfer put = Side::write(buffer.data(), buffer.size());
            if (!put.moved()) return {put.state, moved};
            moved += put.bytes;
            ++sends;
            buffer.erase(0, put.bytes);
        }
        return {Transfer::State::kMoved};
    }
    bool pending() const override { return !buffer.empty(); }
    bool lost() const override { return resets; }
    Sent sent() const override { return {given, given - buffer.size() - in_kernel}; }
    Milliseconds acknowledgement_age() const override { return owed; }
    std::string failure() const override { return "Connection reset by peer"; }
};

struct Session {
    MemoryCloud cloud;
    MemoryTarget target;
    WebSocketCodec codec;
    Counters counters;
    KeepaliveConfig keepalive{Milliseconds(25'000), Milliseconds(60'000)};
    Clock::time_point start{std::chrono::hours(1)}, now = start;
    Pump pump{cloud, target, codec, counters, keepalive, Milliseconds(5'000), start};
    std::string frames_left;

    Milliseconds elapsed() const { return std::chrono::duration_cast<Milliseconds>(now - start); }

    bool ready() const {
        const Pump::Wants wants = pump.wants();
        return wants.again || (wants.cloud_read && cloud.readable()) ||
               (wants.cloud_write && cloud.writable()) ||
               (wants.target_read && target.readable()) ||
               (wants.target_write && target.writable());
    }

    /// As the event loop does, until nothing is ready. A pump that spins fails the test.
    void settle() {
        pump.run(now);
        for (int turns = 0; !pump.over() && ready(); ++turns) {
            REQUIRE(turns < 200'000);
            pump.run(now);
        }
    }

    /// Lets time go by as far as the pump's own alarms lead, at most `span`.
    void pass(Milliseconds span) {
        const Clock::time_point until = now + span;
        settle();
        for (int alarms = 0; !pump.over(); ++alarms) {
            REQUIRE(alarms < 10'000);
            const auto wake_at = pump.wants().wake_at;
            if (!wake_at.has_value() || *wake_at > until) break;
            REQUIRE(*wake_at >= now);
            now = *wake_at;
            settle();
        }
        if (!pump.over()) now = until;
    }

    /// What the cloud has received since the last call.
    std::vector<Frame> sent_frames() {
        frames_left += cloud.received;
        cloud.received.clear();
        return take_frames(frames_left);
    }
};

/// The payload of the data frames; control frames as "<ping>", "<close 1000 text>".
inline std::string summary(const std::vector<Frame>& frames) {
    std::string text;
    for (const Frame& frame : frames) {
        if (frame.opcode == kBinary) text += frame.payload;
        if (frame.opcode == kPing) text += "<ping>";
        if (frame.opcode == kPong) text += "<pong " + frame.payload + ">";
        if (frame.opcode != kClose) continue;
        text += "<close";
        if (frame.payload.size() >= 2) {
            const auto high = static_cast<unsigned char>(frame.payload[0]);
            const auto low = static_cast<unsigned char>(frame.payload[1]);
            text += " " + std::to_string(high * 256 + low);
            if (frame.payload.size() > 2) text += " " + frame.payload.substr(2);
        }
        text += ">";
    }
    return text;
}

}  // namespace remote_access::testing
