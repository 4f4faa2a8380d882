// SPDX-License-Identifier: Apache-2.0
// WebSocket frames from the cloud through the codec, against a second decoder: the same payload,
// close and violation however the bytes are cut, and nothing is kept beyond what was fed.
#include "forwarder/websocket.hpp"

#include "frames.hpp"
#include "naive_decoder.hpp"
#include "property.hpp"

namespace remote_access {
namespace {

using namespace fuzz;

/// Longer continuation frames are legal and cost the allocator a moment each; one is in the unit
/// tests.
constexpr std::uint64_t kLongestHere = std::uint64_t{1} << 20U;

void take_pongs(WebSocketCodec& codec, std::vector<std::string>& pongs) {
    require(codec.pongs().size <= 4 * WebSocketCodec::kMostControl, "pongs take a fixed space");
    std::string bytes(reinterpret_cast<const char*>(codec.pongs().data), codec.pongs().size);
    codec.pongs_taken();
    for (const testing::Frame& frame : testing::take_frames(bytes)) {
        require(frame.opcode == testing::kPong && frame.fin, "an answer to a ping is a pong");
        pongs.push_back(frame.payload);
    }
    require(bytes.empty(), "pongs are whole frames");
}

/// Of a flood only the latest pings are answered, in their order.
void check_pongs(const std::vector<std::string>& pings, const std::vector<std::string>& pongs,
                 Cut cut) {
    if (cut == Cut::kBytes) require(pings == pongs, "every ping is answered with its own payload");
    require(pings.empty() == pongs.empty(), "pings are answered, and only pings");
    if (!pings.empty()) require(pings.back() == pongs.back(), "the latest ping is answered");
    auto ping = pings.begin();
    for (const std::string& pong : pongs) {
        ping = std::find(ping, pings.end(), pong);
        require(ping != pings.end(), "a pong has the payload of a ping");
        ++ping;
    }
}

void check_close(const NaiveDecoder& expected, const WebSocketCodec& codec) {
    require(codec.violation().has_value() == (expected.violation != 0),
            "what breaks the protocol is noticed, and nothing else",
            codec.violation() ? codec.violation()->reason : "");
    if (codec.violation()) {
        require(codec.violation()->code == expected.violation, "a violation has the right code",
                std::to_string(codec.violation()->code) + " " + std::to_string(expected.violation) +
                    " " + codec.violation()->reason);
        require(!codec.violation()->reason.empty(), "a violation has a reason");
    }
    require(codec.closed().has_value() == expected.closed.has_value(), "a close frame is seen");
    if (codec.closed())
        require(codec.closed()->code == expected.closed->code &&
                    codec.closed()->reason == expected.closed->reason,
                "a close frame is read");
}

void read(std::string_view stream, const NaiveDecoder& expected, Cut cut) {
    WebSocketCodec codec;
    std::string payload;
    std::vector<std::string> pongs;
    Pieces pieces(cut, stream);
    for (std::size_t fed = 0; fed < stream.size();) {
        const std::size_t size = pieces.next(stream.size() - fed);
        std::string piece(stream.substr(fed, size));
        codec.feed(reinterpret_cast<std::uint8_t*>(piece.data()), size);
        fed += size;
        require(codec.payload().size() + payload.size() <= fed, "payload is what was fed");
        // Now and then a target takes only a part of it.
        const std::size_t part = fed % 3 == 0 ? codec.payload().size() / 2 : codec.payload().size();
        payload += codec.payload().substr(0, part);
        codec.take(part);
        take_pongs(codec, pongs);
    }
    payload += codec.payload();
    codec.drop_payload();
    const std::string all = expected.payload + expected.unconfirmed;
    if (expected.violation == 0) require(payload == all, "the payload comes out whole");
    require(payload.compare(0, expected.payload.size(), expected.payload) == 0,
            "the payload before a violation comes out");
    require(payload.size() <= all.size() && all.compare(0, payload.size(), payload) == 0,
            "nothing but the payload comes out");
    check_close(expected, codec);
    check_pongs(expected.pings, pongs, cut);
}

int run(std::string_view stream) {
    const NaiveDecoder expected(stream);
    if (expected.longest > kLongestHere) return -1;
    for (const Cut cut : kCuts) read(stream, expected, cut);
    return 0;
}

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    return remote_access::run(remote_access::fuzz::as_text(data, size));
}
