// SPDX-License-Identifier: Apache-2.0
#include "forwarder/pump.hpp"

#include <algorithm>

namespace remote_access {
namespace {

using By = message::Ended::By;

constexpr int kRounds = 16;  // then timers and messages get their turn
constexpr int kReads = 8;    // small ones, or without any payload
constexpr std::size_t kEnoughPayload =
    std::size_t{48} * 1024;  // with one more read: the codec's inbox is full
constexpr Milliseconds kLook{1'000};
constexpr std::uint16_t kNormal = 1000, kNoFrame = 1006, kLocalError = 1011;

}  // namespace

Pump::Pump(CloudEnd& cloud, TargetEnd& target, WebSocketCodec& codec, Counters& counters,
           const KeepaliveConfig& keepalive, Milliseconds drain, Clock::time_point now)
    : cloud_(cloud),
      target_(target),
      codec_(codec),
      counters_(counters),
      keepalive_(keepalive),
      drain_(drain),
      now_(now),
      received_(now),
      pinged_(now) {
    for (std::size_t i = 0; i < kFrames; ++i)
        up_payload_[i] = up_[i].data() + WebSocketCodec::kHeaderRoom;
}

void Pump::run(Clock::time_point now) {
    now_ = now;
    again_ = !over_;
    for (int round = 0; again_ && round < kRounds; ++round) {
        const bool more_up = target_to_cloud();
        const bool more_down = cloud_to_target();
        again_ = more_up || more_down || one_is_dying();
    }
    keep_alive();
    say_control();
    finish();
}

/// One gathered send of up to four full frames, read into the places where they are sent from.
bool Pump::target_to_cloud() {
    const bool clear = flush();
    if (!clear || !read_target_) return false;
    bool more = true;
    while (more) {
        const std::size_t frames = std::min(cloud_.records(), kFrames);
        if (frames == 0) break;
        const Transfer got = target_.read(up_payload_.data(), frames, WebSocketCodec::kMostPayload);
        more = got.moved() && !got.drained;
        if (got.moved()) {
            send_frames(got.bytes);
        } else if (!got.blocked() || !write_target_) {
            target_ends(got);
        }
    }
    return flush() && more;
}

void Pump::send_frames(std::size_t bytes) {
    count(counters_.to_cloud, bytes);
    for (Frame& slot : up_) {
        if (bytes == 0) break;
        const std::size_t size = std::min(bytes, WebSocketCodec::kMostPayload);
        const WebSocketCodec::Bytes frame = codec_.seal(slot.data(), size);
        cloud_.write(frame.data, frame.size);
        bytes -= size;
    }
    if (ending_.has_value()) payload_ends_at_ = cloud_.sent().given;
}

/// The target sends no more. Without write_target_ it is gone altogether: a write has failed.
void Pump::target_ends(const Transfer& last) {
    read_target_ = false;
    if (last.state == Transfer::State::kEnded && write_target_)
        return end(By::kTarget, kNormal, {});
    write_target_ = false;
    end(By::kTarget, kLocalError, target_.failure());
}

/// As much as the codec's inbox holds, then one write. What the target does not take stops reading.
bool Pump::cloud_to_target() {
    if (read_cloud_) hear_control();  // what came with the answer to the upgrade
    if (!deliver() || !read_cloud_) return false;
    bool more = true;
    for (int reads = 0; more && read_cloud_ && reads < kReads; ++reads) {
        if (codec_.payload().size() > kEnoughPayload) break;
        const Transfer got = cloud_.read(down_.data(), down_.size());
        more = got.moved() && !got.drained;
        if (got.moved()) {
            received_ = now_;
            codec_.feed(down_.data(), got.bytes);
            hear_control();
        } else if (!got.blocked() || !write_cloud_) {
            cloud_ends(got);
        }
    }
    say_control();
    return deliver() && more;
}

/// The stream of the cloud is over without a close frame.
void Pump::cloud_ends(const Transfer& last) {
    read_cloud_ = write_cloud_ = false;
    const bool orderly = last.state == Transfer::State::kEnded;
    std::string why = cloud_.failure();
    if (orderly || why.empty()) why = "connection closed without a close frame";
    end(By::kCloud, kNoFrame, std::move(why));
}

void Pump::hear_control() {
    if (codec_.closed().has_value()) {
        read_cloud_ = false;
        end(By::kCloud, codec_.closed()->code, codec_.closed()->reason);
    } else if (codec_.violation().has_value()) {
        // Bytes after it are read and ignored, so that closing does not cut off our close frame.
        end(By::kCloud, codec_.violation()->code, codec_.violation()->reason);
    }
}

/// Answers to pings, then, after everything else, the close frame. What does not fit, waits.
void Pump::say_control() {
    if (codec_.pongs().size > 0 && say(codec_.pongs())) codec_.pongs_taken();
    if (goodbye_.has_value() && !read_target_ &&
        say(codec_.close(goodbye_->code, goodbye_->reason)))
        goodbye_.reset();
    flush();
}

bool Pump::say(WebSocketCodec::Bytes frame) {
    if (!write_cloud_ || cloud_.room() < frame.size) return false;
    return cloud_.write(frame.data, frame.size);
}

/// True: nothing is pending. A cloud that does not take it any more may still have said something.
bool Pump::flush() {
    if (!write_cloud_) return false;
    const Transfer sent = cloud_.flush();
    if (sent.bytes > 0) end_moves_on();
    if (sent.state == Transfer::State::kFailed) {
        write_cloud_ = read_target_ = false;
        // A target that takes nothing must not keep a session whose cloud is gone.
        if (!codec_.payload().empty()) end(By::kCloud, kNoFrame, cloud_.failure());
    }
    return sent.moved();
}

/// True: nothing is left to deliver.
bool Pump::deliver() {
    const std::string_view payload = codec_.payload();
    if (!write_target_) codec_.drop_payload();
    if (payload.empty() || !write_target_) return true;
    const Transfer put =
        target_.write(reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size());
    if (put.moved()) {
        count(counters_.to_target, put.bytes);
        codec_.take(put.bytes);
        received_ = now_;
        end_moves_on();
        return codec_.payload().empty();
    }
    if (put.blocked()) return false;
    write_target_ = false;
    end(By::kTarget, kLocalError, target_.failure());
    return true;
}

/// A write has failed: what the end said before is still read, as soon as the other takes it.
bool Pump::one_is_dying() const {
    const bool cloud = read_cloud_ && !write_cloud_ && codec_.payload().empty();
    const bool target = read_target_ && !write_target_ && !cloud_.pending();
    return cloud || target;
}

/// A peer that pauses is not gone: its kernel goes on acknowledging. While its pause keeps us from
/// reading the cloud, or our ping from the cloud, the cloud's silence says nothing.
void Pump::keep_alive() {
    if (ending_.has_value()) return;
    if (!codec_.payload().empty()) received_ = now_;
    const auto silence = std::chrono::duration_cast<Milliseconds>(now_ - received_);
    if (silence >= keepalive_.timeout) {
        if (!ping_waits(silence)) return silent_cloud("received");
        received_ = now_;
    }
    const bool ping_is_due = now_ - pinged_ >= keepalive_.ping;
    if (ping_is_due || (stuck() && now_ - looked_ >= kLook)) look();
    if (!ping_is_due || ending_.has_value()) return;
    pinged_ = now_;
    if (cloud_.pending() || cloud_.sent().arrived < ping_ends_at_ || !say(codec_.ping())) return;
    ping_ends_at_ = cloud_.sent().given;
}

/// Behind what was sent before it and is not lost: the window is closed, or the line is thin, and
/// acknowledgements have come since the cloud was last heard.
bool Pump::ping_waits(Milliseconds silence) const {
    if (cloud_.pending()) return true;
    if (cloud_.sent().arrived >= ping_ends_at_) return false;
    return 2 * cloud_.acknowledgement_age() < silence;
}

bool Pump::stuck() const {
    return cloud_.pending() || !codec_.payload().empty() || cloud_debt_.open() ||
           target_debt_.open();
}

/// What no read or write tells. A cloud that is not read, because the target takes nothing, may
/// have been reset; and whoever owes an acknowledgement for too long is gone.
void Pump::look() {
    looked_ = now_;
    if (!codec_.payload().empty() && cloud_.lost()) {
        write_cloud_ = false;
        return end(By::kCloud, kNoFrame, "connection reset");
    }
    if (cloud_debt_.look(cloud_.acknowledgement_age(), now_) >= keepalive_.timeout)
        return silent_cloud("acknowledged");
    if (target_debt_.look(target_.acknowledgement_age(), now_) < keepalive_.timeout) return;
    write_target_ = false;
    end(By::kTarget, kLocalError,
        "nothing acknowledged for " + format_duration(keepalive_.timeout));
}

void Pump::silent_cloud(const char* what) {
    read_cloud_ = write_cloud_ = false;
    end(By::kCloud, kNoFrame,
        std::string("nothing ") + what + " for " + format_duration(keepalive_.timeout));
}

void Pump::stop(Clock::time_point now, std::uint16_t code, const std::string& text) {
    now_ = now;
    end(By::kUs, code, text);
}

/// The first cause counts. From now on there is a deadline, and nothing is read from the target but
/// the last words of one that takes nothing any more.
void Pump::end(By by, std::uint16_t code, std::string detail) {
    const Clock::time_point until = now_ + drain_;
    // Who stops us, or a service, counts on limits.drain.
    const Clock::time_point latest = by == By::kUs ? until : now_ + kMostDrains * drain_;
    if (by != By::kTarget || write_target_) read_target_ = false;
    if (ending_.has_value()) {
        at_latest_ = std::min(at_latest_, latest);
        give_up_ = std::min(give_up_, until);
        return;
    }
    give_up_ = until;
    at_latest_ = latest;
    farewell_ = now_ + std::min(kFarewell, drain_);
    const Sent sent = cloud_.sent();
    payload_ends_at_ = sent.given;
    arrived_ = sent.arrived;
    const bool broken = by == By::kCloud && codec_.violation().has_value();
    goodbye_ = WebSocketCodec::Close{code, by == By::kCloud && !broken ? "" : detail};
    if (broken) detail.insert(0, "ours, it broke the WebSocket protocol: ");
    ending_ = message::Ended{by, code, std::move(detail)};
    again_ = true;
}

/// Who is slow is not who takes nothing: what can be delivered still is.
void Pump::end_moves_on() {
    if (ending_.has_value()) give_up_ = std::max(give_up_, std::min(now_ + drain_, at_latest_));
}

/// What the kernel still gets across moves on too: closed with unread bytes it would be lost.
void Pump::look_at_arrival() {
    if (!write_cloud_) return;
    const std::uint64_t arrived = cloud_.sent().arrived;
    if (arrived > arrived_) end_moves_on();
    arrived_ = std::max(arrived_, arrived);
}

/// What is left to do before both connections may be closed.
void Pump::finish() {
    if (!ending_.has_value() || over_) return;
    look_at_arrival();
    const bool late = now_ >= give_up_;
    const bool said = !write_cloud_ || (!goodbye_.has_value() && !cloud_.pending());
    const bool ignores_cloud = codec_.violation().has_value() || !write_target_;
    const bool arrived = !write_cloud_ || arrived_ >= cloud_.sent().given;
    const bool heard = !read_cloud_ || (ignores_cloud && arrived && now_ >= farewell_);
    const bool delivered = codec_.payload().empty() || !write_target_;
    const bool awaits_close = read_cloud_ && !ignores_cloud;
    if (late && !delivered) ending_->target_lacks = codec_.payload().size();
    const bool cut_off = late || (!write_cloud_ && ending_->by != By::kCloud);
    if (cut_off && arrived_ < payload_ends_at_) ending_->cloud_lacks = true;
    if (write_target_ && (late || (delivered && !awaits_close))) {
        target_.end_writing();
        write_target_ = false;
        discard_target_ = ending_->by != By::kTarget;
    }
    if (discard_target_) discard_from_target();
    over_ = late || (said && heard && delivered && !discard_target_);
}

/// Closing with unread bytes would reset the connection and may destroy what the target has not
/// read yet: its own end of stream is awaited for a moment.
void Pump::discard_from_target() {
    Transfer got{Transfer::State::kMoved};
    for (int round = 0; round < kRounds && got.moved() && !got.drained; ++round)
        got = target_.read(up_payload_.data(), kFrames, WebSocketCodec::kMostPayload);
    if (!got.moved() && !got.blocked()) discard_target_ = false;
    if (now_ >= farewell_ && target_.delivered()) discard_target_ = false;
}

Pump::Wants Pump::wants() const {
    Wants wants;
    if (over_) return wants;
    wants.again = again_ || one_is_dying();
    wants.cloud_write = write_cloud_ && cloud_.pending();
    wants.cloud_read = read_cloud_ && (codec_.payload().empty() || !write_target_);
    wants.target_read = discard_target_ || (read_target_ && !cloud_.pending());
    wants.target_write = write_target_ && !codec_.payload().empty();
    if (ending_.has_value()) {
        wants.wake_at = now_ < farewell_ ? std::min(farewell_, give_up_)
                                         : std::min(now_ + Milliseconds(100), give_up_);
        return wants;
    }
    wants.wake_at = std::min(pinged_ + keepalive_.ping, received_ + keepalive_.timeout);
    if (stuck()) wants.wake_at = std::min(*wants.wake_at, looked_ + kLook);
    return wants;
}

void Pump::count(std::atomic<std::uint64_t>& counter, std::size_t bytes) {
    // This process is the only writer: a plain addition, visible to readers.
    counter.store(counter.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
    const auto since = std::chrono::duration_cast<Milliseconds>(now_.time_since_epoch());
    counters_.last_activity.store(since.count(), std::memory_order_relaxed);
}

}  // namespace remote_access
