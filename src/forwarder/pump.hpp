// SPDX-License-Identifier: Apache-2.0
// The data path of a session: target ⇄ WebSocket frames ⇄ cloud, from "both stand" to "both are
// done". A state machine over two ends and a clock that is handed in: run() moves what can be moved
// now, wants() says what to wait for. One fixed buffer a direction; the completion of a write is
// what allows the next read; nothing is allocated while bytes flow.
#pragma once

#include <array>
#include <optional>

#include "base/time.hpp"
#include "config/config.hpp"
#include "forwarder/debt.hpp"
#include "forwarder/ends.hpp"
#include "forwarder/websocket.hpp"
#include "session/counters.hpp"
#include "session/messages.hpp"

namespace remote_access {

class Pump {
public:
    struct Wants {
        bool cloud_read = false, cloud_write = false, target_read = false, target_write = false;
        bool again = false;  ///< more can be moved already
        std::optional<Clock::time_point> wake_at;
    };

    /// How long the last words wait for the other side's, where no payload is awaited.
    static constexpr Milliseconds kFarewell{500};
    /// `drain` is for an end that takes nothing. One that is slow gets so many of them, altogether.
    static constexpr int kMostDrains = 12;

    Pump(CloudEnd& cloud, TargetEnd& target, WebSocketCodec& codec, Counters& counters,
         const KeepaliveConfig& keepalive, Milliseconds drain, Clock::time_point now);

    void run(Clock::time_point now);
    /// Ends the session from our side: close code and text for the cloud. Then run().
    void stop(Clock::time_point now, std::uint16_t code, const std::string& text);

    Wants wants() const;
    bool over() const { return over_; }
    /// Valid once over().
    const message::Ended& ending() const { return *ending_; }

private:
    bool target_to_cloud();
    void send_frames(std::size_t bytes);
    bool cloud_to_target();
    void target_ends(const Transfer& last);
    void cloud_ends(const Transfer& last);
    void hear_control();
    void say_control();
    bool say(WebSocketCodec::Bytes frame);
    bool flush();
    bool deliver();
    void end_moves_on();
    void look_at_arrival();
    void discard_from_target();
    bool one_is_dying() const;
    void keep_alive();
    bool ping_waits(Milliseconds silence) const;
    bool stuck() const;
    void look();
    void silent_cloud(const char* what);
    void end(message::Ended::By by, std::uint16_t code, std::string detail);
    void finish();
    void count(std::atomic<std::uint64_t>& counter, std::size_t bytes);

    CloudEnd& cloud_;
    TargetEnd& target_;
    WebSocketCodec& codec_;
    Counters& counters_;
    const KeepaliveConfig keepalive_;
    const Milliseconds drain_;

    // What is still done with each end. They only ever go from true to false.
    bool read_target_ = true, write_target_ = true, read_cloud_ = true, write_cloud_ = true;
    bool discard_target_ = false;  // after our end of stream, until the target's
    bool again_ = false, over_ = false;
    Debt cloud_debt_, target_debt_;
    std::uint64_t ping_ends_at_ = 0;  // of what is sent to the cloud
    // Of what is sent to the cloud: the end of the payload, and how far it is known to be there.
    std::uint64_t payload_ends_at_ = 0, arrived_ = 0;

    std::optional<message::Ended> ending_;
    std::optional<WebSocketCodec::Close> goodbye_;  // the close frame still to be sent
    Clock::time_point now_, received_, pinged_, looked_{}, farewell_{};
    Clock::time_point give_up_{}, at_latest_{};  // put off while bytes are taken; but not beyond

    static constexpr std::size_t kFrames = 4;  // read, masked and sent together
    using Frame =
        std::array<std::uint8_t, WebSocketCodec::kHeaderRoom + WebSocketCodec::kMostPayload>;
    std::array<Frame, kFrames> up_;  // not initialised: untouched pages cost nothing
    std::array<std::uint8_t*, kFrames> up_payload_{};
    std::array<std::uint8_t, std::size_t{16} * 1024> down_;
};

}  // namespace remote_access
