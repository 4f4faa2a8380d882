// SPDX-License-Identifier: Apache-2.0
#include "forwarder/websocket.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <array>

#include "frames.hpp"

namespace remote_access {
namespace {

using namespace testing;

/// Feeds in pieces of `step` bytes and gives all the payload that came out.
std::string feed(WebSocketCodec& codec, std::string bytes, std::size_t step = 16 * 1024) {
    std::string payload;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
        const std::size_t size = std::min(step, bytes.size() - at);
        codec.feed(reinterpret_cast<std::uint8_t*>(bytes.data()) + at, size);
        payload += codec.payload();
        codec.drop_payload();
    }
    return payload;
}

std::string text(WebSocketCodec::Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

std::string pongs(WebSocketCodec& codec) {
    std::string bytes = text(codec.pongs()), payloads;
    codec.pongs_taken();
    for (const Frame& frame : take_frames(bytes)) {
        CHECK(frame.opcode == kPong);
        CHECK(frame.fin);
        payloads += "[" + frame.payload + "]";
    }
    CHECK(bytes.empty());
    return payloads;
}

}  // namespace

TEST_CASE("the payload of every valid stream comes out as a stream of bytes") {
    struct Row {
        const char* name;
        std::string bytes, payload, pongs;
    };
    const std::string medium = pattern(300), large = pattern(70'000);
    const Row rows[] = {
        {"one message", frame(kBinary, "hello"), "hello", ""},
        {"empty message", frame(kBinary, ""), "", ""},
        {"text", frame(kText, "gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f", ""},
        {"16-bit length", frame(kBinary, medium), medium, ""},
        {"64-bit length", frame(kBinary, large), large, ""},
        {"two messages", frame(kBinary, "a") + frame(kText, "b"), "ab", ""},
        {"fragments",
         frame(kBinary, "a", false) + frame(kContinuation, medium, false) +
             frame(kContinuation, "", false) + frame(kContinuation, "c"),
         "a" + medium + "c", ""},
        {"a control frame between fragments",
         frame(kBinary, "a", false) + frame(kPing, "x") + frame(kContinuation, "b"), "ab", "[x]"},
        {"pings", frame(kPing, "") + frame(kPing, std::string(125, 'p')), "",
         "[][" + std::string(125, 'p') + "]"},
        {"unasked pong", frame(kPong, "hm") + frame(kBinary, "a"), "a", ""},
    };
    for (const Row& row : rows) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{16 * 1024}}) {
            CAPTURE(row.name);
            CAPTURE(step);
            WebSocketCodec codec;
            CHECK(feed(codec, row.bytes, step) == row.payload);
            CHECK(pongs(codec) == row.pongs);
            CHECK_FALSE(codec.violation().has_value());
            CHECK_FALSE(codec.closed().has_value());
        }
    }
}

TEST_CASE("what breaks the protocol ends it with the right code, after the payload before it") {
    struct Row {
        const char* name;
        std::string bytes;
        std::uint16_t code;
    };
    const Row rows[] = {
        {"masked", std::string("\x82\x81\x01\x02\x03\x04\x60", 7), 1002},
        {"RSV1", header(kBinary, 1, true, 0x40) + "a", 1002},
        {"RSV2", header(kBinary, 1, true, 0x20) + "a", 1002},
        {"RSV3 on a control frame", header(kPing, 0, true, 0x10), 1002},
        {"reserved opcode", header(3, 0), 1002},
        {"reserved control opcode", header(11, 0), 1002},
        {"long control frame", frame(kPing, std::string(126, 'p')), 1002},
        {"fragmented control frame", frame(kPing, "a", false), 1002},
        {"continuation of nothing", frame(kContinuation, "a"), 1002},
        {"new message within one", frame(kBinary, "", false) + frame(kBinary, "a"), 1002},
        {"length not minimal", std::string("\x82\x7e\x00\x05hello", 9), 1002},
        {"64-bit length not minimal", "\x82\x7f" + number(300, 8), 1002},
        {"bad UTF-8", frame(kText, "\xff"), 1007},
        {"length 2^63", "\x82\x7f" + number(std::uint64_t{1} << 63, 8), 1009},
        {"length 4 GiB", "\x82\x7f" + number(std::uint64_t{1} << 32, 8), 1009},
        {"continuation of 4 GiB",
         frame(kBinary, "", false) + "\x80\x7f" + number(std::uint64_t{1} << 32, 8), 1009},
        {"continuation of 2^64 - 1 behind payload that is not yet taken",
         frame(kBinary, "a", false) + "\x80\x7f" + number(~std::uint64_t{0}, 8), 1009},
        {"close frame of one byte", frame(kClose, "a"), 1002},
        {"close code 1006", close_frame(1006), 1002},
        {"close code 999", close_frame(999), 1002},
        {"close reason not UTF-8", close_frame(1000, "\xff"), 1002},
    };
    for (const Row& row : rows) {
        for (const std::size_t step : {std::size_t{1}, std::size_t{16 * 1024}}) {
            CAPTURE(row.name);
            CAPTURE(step);
            WebSocketCodec codec;
            const std::string payload =
                feed(codec, frame(kBinary, "before") + row.bytes + frame(kBinary, "after"), step);
            CHECK(payload.substr(0, 6) == "before");
            CHECK(payload.find("after") == std::string::npos);
            REQUIRE(codec.violation().has_value());
            CHECK(codec.violation()->code == row.code);
            CHECK_FALSE(codec.violation()->reason.empty());
            CHECK_FALSE(codec.closed().has_value());
        }
    }
}

TEST_CASE("a close frame is the end of the stream") {
    WebSocketCodec codec;
    CHECK(feed(codec, frame(kBinary, "a") + close_frame(4001, "enough") + frame(kBinary, "b")) ==
          "a");
    REQUIRE(codec.closed().has_value());
    CHECK(codec.closed()->code == 4001);
    CHECK(codec.closed()->reason == "enough");

    WebSocketCodec silent;
    feed(silent, frame(kClose, ""));
    REQUIRE(silent.closed().has_value());
    CHECK(silent.closed()->code == 1005);
}

TEST_CASE("a message of 64 MiB, whole or in fragments, takes no more memory than a small one") {
    for (const std::size_t part : {std::size_t{64} << 20, std::size_t{1} << 20}) {
        WebSocketCodec codec;
        std::array<std::uint8_t, 16 * 1024> buffer{};
        feed(codec, frame(kBinary, "warm"));
        const std::size_t before = ::mallinfo2().uordblks + ::mallinfo2().hblkhd;
        std::size_t most = before, payload = 0;
        for (std::size_t sent = 0; sent < (std::size_t{64} << 20); sent += part) {
            feed(codec, header(sent == 0 ? kBinary : kContinuation, part,
                               sent + part == (std::size_t{64} << 20)));
            for (std::size_t left = part; left > 0; left -= buffer.size()) {
                codec.feed(buffer.data(), buffer.size());
                payload += codec.payload().size();
                codec.drop_payload();
                most = std::max<std::size_t>(most, ::mallinfo2().uordblks + ::mallinfo2().hblkhd);
            }
        }
        CHECK(payload == std::size_t{64} << 20);
        CHECK_FALSE(codec.violation().has_value());
        CHECK(most - before <= 128 * 1024);
    }
}

TEST_CASE("a flood of pings is answered with the latest, within a fixed space") {
    WebSocketCodec codec;
    std::string flood;
    for (int i = 0; i < 5'000; ++i) flood += frame(kPing, "ping " + std::to_string(i));
    feed(codec, flood);
    CHECK(codec.pongs().size <= 4 * WebSocketCodec::kMostControl);
    const std::string answers = pongs(codec);
    CHECK(answers.find("[ping 4999]") != std::string::npos);
}

TEST_CASE("payload may be taken in parts while more comes in") {
    WebSocketCodec codec;
    std::string bytes = frame(kBinary, "abcdef") + frame(kBinary, "ghi");
    codec.feed(reinterpret_cast<std::uint8_t*>(bytes.data()), 8);
    CHECK(codec.payload() == "abcdef");
    codec.take(2);
    CHECK(codec.payload() == "cdef");
    codec.feed(reinterpret_cast<std::uint8_t*>(bytes.data()) + 8, bytes.size() - 8);
    CHECK(codec.payload() == "cdefghi");
    codec.take(7);
    CHECK(codec.payload().empty());
}

TEST_CASE("a sealed frame is a whole masked binary message, for every length") {
    WebSocketCodec codec;
    std::array<std::uint8_t, WebSocketCodec::kHeaderRoom + WebSocketCodec::kMostPayload> buffer{};
    for (const std::size_t size : {0, 1, 2, 3, 7, 8, 9, 125, 126, 127, 1000, 16375, 16376}) {
        const std::string payload = pattern(size);
        std::copy(payload.begin(), payload.end(), buffer.begin() + WebSocketCodec::kHeaderRoom);
        const WebSocketCodec::Bytes sealed = codec.seal(buffer.data(), size);
        CHECK(sealed.data >= buffer.data());
        CHECK(sealed.data + sealed.size == buffer.data() + WebSocketCodec::kHeaderRoom + size);
        std::string bytes = text(sealed);
        const std::vector<Frame> frames = take_frames(bytes);
        REQUIRE(frames.size() == 1);
        CHECK(bytes.empty());
        CHECK(frames[0].opcode == kBinary);
        CHECK(frames[0].fin);
        CHECK(frames[0].payload == payload);
    }
    CHECK(buffer.size() == 16 * 1024);
}

TEST_CASE("pings and close frames are masked and well-formed") {
    WebSocketCodec codec;
    std::string bytes = text(codec.ping());
    bytes += text(codec.close(1000, "done"));
    bytes += text(codec.close(1005, "not to be sent"));
    bytes += text(codec.close(1001, std::string(500, 'x')));
    const std::vector<Frame> frames = take_frames(bytes);
    REQUIRE(frames.size() == 4);
    CHECK(frames[0].opcode == kPing);
    CHECK(frames[1].opcode == kClose);
    CHECK(frames[1].payload == number(1000, 2) + "done");
    CHECK(frames[2].payload.empty());
    CHECK(frames[3].payload == number(1001, 2) + std::string(123, 'x'));
}

TEST_CASE("each handshake has its own key, and only the answer to it is accepted") {
    WebSocketCodec codec, other;
    CHECK(codec.key().size() == 24);
    CHECK(codec.key() != other.key());
    CHECK_FALSE(codec.accepts(""));
    CHECK_FALSE(codec.accepts("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    CHECK_FALSE(codec.accepts(codec.key()));
}

}  // namespace remote_access
