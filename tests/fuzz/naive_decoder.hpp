// SPDX-License-Identifier: Apache-2.0
// RFC 6455 as a client reads it, written a second time and naively over the whole stream: what the
// codec must make of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/utf8.hpp"
#include "forwarder/websocket.hpp"

namespace remote_access::fuzz {

class NaiveDecoder {
public:
    explicit NaiveDecoder(std::string_view stream) : stream_(stream) {
        while (!closed && violation == 0 && take_frame()) {
        }
    }

    std::string payload;      ///< of whole data frames
    std::string unconfirmed;  ///< of the frame in which the stream breaks off or is broken
    std::vector<std::string> pings;
    std::optional<WebSocketCodec::Close> closed;
    int violation = 0;          ///< close code
    std::uint64_t longest = 0;  ///< announced by a continuation frame

private:
    std::uint8_t at(std::size_t i) const { return static_cast<std::uint8_t>(stream_[i]); }

    bool broken(int code) {
        violation = code;
        return false;
    }

    bool take_frame() {
        if (stream_.size() < 2) return false;
        const bool fin = (at(0) & 0x80U) != 0;
        const unsigned opcode = at(0) & 0x0FU;
        const bool control = opcode >= 8;
        std::uint64_t size = at(1) & 0x7FU;
        if ((at(0) & 0x70U) != 0 || (at(1) & 0x80U) != 0) return broken(1002);
        if ((opcode > 2 && opcode < 8) || opcode > 10) return broken(1002);
        if (control && (!fin || size > 125)) return broken(1002);
        if (!control && (opcode == 0) != in_message_) return broken(1002);
        const std::size_t more = size == 126 ? 2 : size == 127 ? 8 : 0;
        if (stream_.size() < 2 + more) return false;
        if (more > 0) size = 0;
        for (std::size_t i = 0; i < more; ++i) size = size << 8U | at(2 + i);
        if ((more == 2 && size < 126) || (more == 8 && size < 65536)) return broken(1002);
        if (size > WebSocketCodec::kLongestFrame) return broken(1009);
        if (opcode == 0) longest = std::max(longest, size);
        stream_.remove_prefix(2 + more);
        const std::string_view body = stream_.substr(0, size);
        stream_.remove_prefix(body.size());
        if (control) return body.size() == size && take_control(opcode, body);
        return take_data(opcode, fin, body, body.size() == size);
    }

    bool take_data(unsigned opcode, bool fin, std::string_view body, bool whole) {
        if (opcode != 0) text_ = opcode == 1;
        if (opcode != 0) message_.clear();
        in_message_ = true;
        if (text_) message_.append(body);
        unconfirmed = body;
        if (text_ && !may_become_utf8(message_)) return broken(1007);
        if (!whole) return false;
        // websocketpp does not look at the end of a text in fragments. The bytes are handed on as
        // they are, so nothing depends on it.
        if (opcode == 1 && fin && invalid_utf8_at(message_)) return broken(1007);
        payload += unconfirmed;
        unconfirmed.clear();
        in_message_ = !fin;
        return true;
    }

    bool take_control(unsigned opcode, std::string_view body) {
        if (opcode == 9) pings.emplace_back(body);
        if (opcode != 8) return true;
        if (body.empty()) {
            closed = WebSocketCodec::Close{1005, {}};
            return true;
        }
        if (body.size() == 1) return broken(1002);
        const int code =
            static_cast<std::uint8_t>(body[0]) << 8 | static_cast<std::uint8_t>(body[1]);
        const bool registered =
            code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
        if (!registered && (code < 3000 || code > 4999)) return broken(1002);
        if (invalid_utf8_at(body.substr(2))) return broken(1002);
        closed =
            WebSocketCodec::Close{static_cast<std::uint16_t>(code), std::string(body.substr(2))};
        return true;
    }

    static bool may_become_utf8(const std::string& text) {
        const auto bad = invalid_utf8_at(text);
        if (!bad) return true;
        const std::string tail = text.substr(*bad);
        for (std::size_t missing = 1; missing < 4 && tail.size() < 4; ++missing) {
            for (const char filler : {'\x80', '\xBF'}) {
                if (!invalid_utf8_at(tail + std::string(missing, filler))) return true;
            }
        }
        return false;
    }

    std::string_view stream_;
    std::string message_;  // of text only
    bool in_message_ = false, text_ = false;
};

}  // namespace remote_access::fuzz
