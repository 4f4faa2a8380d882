// SPDX-License-Identifier: Apache-2.0
// The WebSocket protocol as a codec: received bytes in, payload and control events out; payload in,
// masked frames out. No descriptor, no clock, no queue: memory is the same for a message of one
// byte and of a gigabyte. websocketpp's protocol processor does the work, and is known only to
// websocket.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace remote_access {

class WebSocketCodec {
public:
    /// A frame with this much payload fills one TLS record exactly.
    static constexpr std::size_t kHeaderRoom = 8;
    static constexpr std::size_t kMostPayload = std::size_t{16} * 1024 - kHeaderRoom;
    static constexpr std::size_t kMostControl = 6 + 125;
    /// A longer frame is refused (1009); the length of a message is not limited.
    static constexpr std::size_t kLongestFrame = std::size_t{1} << 30;

    struct Close {
        std::uint16_t code = 0;  ///< 1005: the frame carried none
        std::string reason;
    };
    struct Bytes {
        const std::uint8_t* data = nullptr;
        std::size_t size = 0;
    };

    WebSocketCodec();
    ~WebSocketCodec();
    WebSocketCodec(WebSocketCodec&&) noexcept;
    WebSocketCodec& operator=(WebSocketCodec&&) = delete;

    /// The opening handshake: our Sec-WebSocket-Key, and whether the answer's Accept fits it.
    const std::string& key() const;
    bool accepts(std::string_view accept) const;

    /// Takes all of it (and may overwrite it). After closed() or violation() it is ignored.
    void feed(std::uint8_t* bytes, std::size_t size);
    /// What has come and was not yet taken; grows by at most what was fed.
    std::string_view payload() const;
    void take(std::size_t count);
    void drop_payload() { take(payload().size()); }

    /// The peer's close frame; what it broke of the protocol, with the code to close with.
    const std::optional<Close>& closed() const;
    const std::optional<Close>& violation() const;
    /// Pong frames that answer the pings received: all of them, or of a flood the latest.
    Bytes pongs() const;
    void pongs_taken();

    /// Makes a frame of the `payload` bytes (at most kMostPayload) at buffer + kHeaderRoom, in
    /// place. The result lies within the buffer.
    Bytes seal(std::uint8_t* buffer, std::size_t payload);
    /// Valid until the next ping() or close().
    Bytes ping();
    /// A code that may not be sent (1005, 1006, …) gives a frame without one.
    Bytes close(std::uint16_t code, std::string_view reason);

private:
    struct Machine;
    std::unique_ptr<Machine> machine_;
};

}  // namespace remote_access
