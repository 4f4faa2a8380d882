// SPDX-License-Identifier: Apache-2.0
// The floor: what the job costs at least. One poll() loop on raw sockets and OpenSSL, no WebSocket
// library, no check that the job does not need. It trusts its peer, so it is no product.
//   bench-floor CLOUD_PORT PATH CA_FILE TARGET_PORT
#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "floor_connect.hpp"
#include "net.hpp"

namespace bench {
namespace {

constexpr std::size_t kRoom = 8;  // of a masked frame's head
constexpr std::size_t kPayload = 16 * 1024 - kRoom;
constexpr std::size_t kFrames = 4;  // read from the target at once
constexpr std::size_t kPieces = 256;

class Loop {
public:
    Loop(SSL* ssl, int cloud, int target)
        : ssl_(ssl), cloud_(cloud), target_(target), out_(ssl, cloud) {}

    void run(const std::string& early);

private:
    void wait();
    void upload();
    void send_frame(std::uint8_t* slot, std::size_t payload, std::uint8_t opcode);
    void download();
    void parse(std::uint8_t* bytes, std::size_t size);
    void take_head(const std::uint8_t*& bytes, std::size_t& size);
    void add_piece(std::uint8_t* bytes, std::size_t size);
    bool deliver();
    void finish() { over_ = true; }

    SSL* ssl_;
    int cloud_, target_;
    GatheringBio out_;
    bool cloud_ready_ = false, target_ready_ = false, over_ = false;
    bool dry_ = true;  // OpenSSL holds at most a part of a record
    std::array<std::array<std::uint8_t, kRoom + kPayload>, kFrames> slots_{};
    std::array<std::uint8_t, kBatch> in_{};
    std::array<std::uint32_t, 64> keys_{};
    std::size_t next_key_ = 64;
    std::array<iovec, kPieces> pieces_{};
    std::size_t first_piece_ = 0, piece_count_ = 0;
    std::array<std::uint8_t, kMostHead> partial_{};
    std::size_t partial_size_ = 0;
    std::uint64_t payload_left_ = 0;
    std::uint8_t opcode_ = 0;
    std::size_t unparsed_ = 0, unparsed_size_ = 0;  // of in_, when there were too many pieces
};

void Loop::run(const std::string& early) {
    std::copy(early.begin(), early.end(), in_.begin());
    parse(in_.data(), early.size());
    while (!over_) {
        wait();
        if (target_ready_) upload();
        if (cloud_ready_) download();
    }
    std::uint8_t close[kRoom + 2] = {};
    close[kRoom] = 0x03;
    close[kRoom + 1] = 0xe8;
    send_frame(close, 2, kClose);
    out_.flush();
    SSL_shutdown(ssl_);
    out_.flush();
    ::shutdown(target_, SHUT_WR);
}

/// A direction that cannot pass anything on is not asked for more.
void Loop::wait() {
    const bool cloud_full = !out_.empty();
    const bool target_full = first_piece_ < piece_count_;
    const bool buffered =
        !target_full && (unparsed_size_ > 0 || (!dry_ && SSL_has_pending(ssl_) != 0));
    pollfd polled[2] = {};
    polled[0].fd = cloud_;
    polled[0].events = static_cast<short>((cloud_full ? POLLOUT : 0) | (target_full ? 0 : POLLIN));
    polled[1].fd = target_;
    polled[1].events = static_cast<short>((target_full ? POLLOUT : 0) | (cloud_full ? 0 : POLLIN));
    if (::poll(polled, 2, buffered ? 0 : -1) < 0 && errno != EINTR) die("poll");
    if (cloud_full && (polled[0].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) out_.flush();
    if (target_full && (polled[1].revents & (POLLOUT | POLLERR | POLLHUP)) != 0) deliver();
    target_ready_ = out_.empty() && (polled[1].revents & (POLLIN | POLLERR | POLLHUP)) != 0;
    cloud_ready_ = first_piece_ == piece_count_ &&
                   (buffered || (polled[0].revents & (POLLIN | POLLERR | POLLHUP)) != 0);
}

void Loop::upload() {
    iovec room[kFrames];
    for (std::size_t i = 0; i < kFrames; ++i) room[i] = {slots_[i].data() + kRoom, kPayload};
    const ssize_t got = ::readv(target_, room, kFrames);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return finish();
    auto left = static_cast<std::size_t>(got);
    for (std::size_t i = 0; left > 0; ++i) {
        const std::size_t payload = std::min(left, kPayload);
        send_frame(slots_[i].data(), payload, kBinary);
        left -= payload;
    }
    out_.flush();
}

/// The payload lies at slot + kRoom; head and payload become one TLS record.
void Loop::send_frame(std::uint8_t* slot, std::size_t payload, std::uint8_t opcode) {
    if (next_key_ == keys_.size()) {
        if (::getrandom(keys_.data(), sizeof keys_, 0) != sizeof keys_) die("getrandom");
        next_key_ = 0;
    }
    std::uint8_t key[4];
    std::memcpy(key, &keys_[next_key_++], 4);
    std::uint8_t head[kMostHead];
    std::size_t size = write_head(head, opcode, payload);
    head[1] |= 0x80;
    std::memcpy(head + size, key, 4);
    size += 4;
    std::uint8_t* start = slot + kRoom - size;
    std::memcpy(start, head, size);
    apply_mask(slot + kRoom, payload, key);
    SSL_write(ssl_, start, static_cast<int>(size + payload));
}

void Loop::download() {
    if (unparsed_size_ > 0) return parse(in_.data() + unparsed_, unparsed_size_);
    std::size_t filled = 0;
    dry_ = false;
    do {
        const int got = SSL_read(ssl_, in_.data() + filled, static_cast<int>(in_.size() - filled));
        if (got <= 0) {
            if (SSL_get_error(ssl_, got) != SSL_ERROR_WANT_READ) finish();
            dry_ = true;
            break;
        }
        filled += static_cast<std::size_t>(got);
    } while (filled < in_.size() && SSL_has_pending(ssl_) != 0);
    parse(in_.data(), filled);
}

void Loop::parse(std::uint8_t* bytes, std::size_t size) {
    unparsed_size_ = 0;
    while (size > 0 && piece_count_ < kPieces) {
        if (payload_left_ == 0) {
            const std::uint8_t* rest = bytes;
            take_head(rest, size);
            bytes = in_.data() + (rest - in_.data());
            continue;
        }
        const std::size_t some = std::min<std::uint64_t>(size, payload_left_);
        if (opcode_ < kClose) add_piece(bytes, some);
        payload_left_ -= some;
        bytes += some;
        size -= some;
    }
    if (size > 0) {
        unparsed_ = static_cast<std::size_t>(bytes - in_.data());
        unparsed_size_ = size;
    }
    deliver();
}

void Loop::take_head(const std::uint8_t*& bytes, std::size_t& size) {
    const std::size_t some = std::min(size, partial_.size() - partial_size_);
    std::memcpy(partial_.data() + partial_size_, bytes, some);
    const FrameHead head = read_head(partial_.data(), partial_size_ + some);
    const std::size_t used = head.size == 0 ? some : head.size - partial_size_;
    partial_size_ = head.size == 0 ? partial_size_ + some : 0;
    bytes += used;
    size -= used;
    payload_left_ = head.payload;
    opcode_ = head.opcode;
    if (head.size > 0 && opcode_ == kClose) finish();
}

void Loop::add_piece(std::uint8_t* bytes, std::size_t size) {
    pieces_[piece_count_++] = {bytes, size};
}

/// True: the target has taken everything.
bool Loop::deliver() {
    while (first_piece_ < piece_count_) {
        msghdr message{};
        message.msg_iov = &pieces_[first_piece_];
        message.msg_iovlen = piece_count_ - first_piece_;
        const ssize_t sent = ::sendmsg(target_, &message, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return false;
        if (sent < 0) finish();
        auto left = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
        if (sent < 0) first_piece_ = piece_count_;
        for (; first_piece_ < piece_count_ && left >= pieces_[first_piece_].iov_len; ++first_piece_)
            left -= pieces_[first_piece_].iov_len;
        if (left == 0) continue;
        iovec& piece = pieces_[first_piece_];
        piece = {static_cast<std::uint8_t*>(piece.iov_base) + left, piece.iov_len - left};
    }
    first_piece_ = piece_count_ = 0;
    return true;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    using namespace bench;
    if (argc != 5) die("bench-floor CLOUD_PORT PATH CA_FILE TARGET_PORT");
    const int target = connect_tcp(argv[4]);
    const int cloud = connect_tcp(argv[1]);
    SSL* ssl = connect_cloud(cloud, argv[3]);
    const std::string early = upgrade(ssl, argv[2]);
    set_non_blocking(cloud);
    set_non_blocking(target);
    static Loop loop(ssl, cloud, target);
    loop.run(early);
}
