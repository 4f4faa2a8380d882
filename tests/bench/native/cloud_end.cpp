// SPDX-License-Identifier: Apache-2.0
// The cloud's end of the tunnel, as a measuring instrument: a TLS server that takes every upgrade,
// and must never be the slowest part. Commands: script.hpp.
//   bench-cloud-end CERTIFICATE_AND_KEY.pem
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "net.hpp"
#include "script.hpp"

namespace bench {
namespace {

constexpr std::size_t kBatch = 128 * 1024;

class WebSocketWire : public Wire {
public:
    WebSocketWire(SSL* ssl, int fd, std::string path)
        : ssl_(ssl), fd_(fd), path_(std::move(path)), in_(kBatch), out_(ssl, fd) {}
    ~WebSocketWire() override { SSL_free(ssl_); }

    int fd() const override { return fd_; }
    std::string name() const override { return path_; }
    Status read(const Take& take) override;
    std::size_t write(const std::uint8_t* bytes, std::size_t size) override;
    bool flush() override { return out_.flush(); }
    bool has_buffered() const override { return !dry_ && SSL_has_pending(ssl_) != 0; }
    std::vector<std::uint8_t> head(std::uint64_t payload) const override;
    void close() override;

private:
    bool parse(std::uint8_t* bytes, std::size_t size, const Take& take);
    std::size_t take_head(const std::uint8_t* bytes, std::size_t size);
    void answer_control();

    SSL* ssl_;
    int fd_;
    std::string path_;
    std::vector<std::uint8_t> in_;
    GatheringBio out_;
    bool dry_ = true, closed_ = false;
    std::array<std::uint8_t, kMostHead> partial_{};
    std::size_t partial_size_ = 0;
    FrameHead frame_;
    std::uint64_t left_ = 0;
    std::vector<std::uint8_t> control_;
};

Wire::Status WebSocketWire::read(const Take& take) {
    std::size_t filled = 0;
    bool ended = false;
    dry_ = false;
    do {
        const int got = SSL_read(ssl_, in_.data() + filled, static_cast<int>(in_.size() - filled));
        if (got <= 0) {
            dry_ = true;
            ended = SSL_get_error(ssl_, got) != SSL_ERROR_WANT_READ;
            break;
        }
        filled += static_cast<std::size_t>(got);
    } while (filled < in_.size() && SSL_has_pending(ssl_) != 0);
    if (!parse(in_.data(), filled, take) || ended) return Status::kEnded;
    return dry_ ? Status::kDry : Status::kMore;
}

/// False: the peer's close frame was met.
bool WebSocketWire::parse(std::uint8_t* bytes, std::size_t size, const Take& take) {
    while (size > 0) {
        if (frame_.size == 0) {
            const std::size_t used = take_head(bytes, size);
            bytes += used;
            size -= used;
            if (frame_.size == 0) return true;
        }
        const std::size_t some = std::min<std::uint64_t>(size, left_);
        std::uint8_t key[4];  // turned to where in the frame this piece begins
        for (std::size_t i = 0; i < 4; ++i) key[i] = frame_.key[(frame_.payload - left_ + i) % 4];
        apply_mask(bytes, some, key);
        if (frame_.opcode < kClose && some > 0) take(bytes, some);
        if (frame_.opcode >= kClose) control_.insert(control_.end(), bytes, bytes + some);
        left_ -= some;
        bytes += some;
        size -= some;
        if (left_ > 0) return true;
        if (frame_.opcode == kClose) return false;
        answer_control();
        frame_ = {};
    }
    return true;
}

std::size_t WebSocketWire::take_head(const std::uint8_t* bytes, std::size_t size) {
    const std::size_t some = std::min(size, partial_.size() - partial_size_);
    std::memcpy(partial_.data() + partial_size_, bytes, some);
    frame_ = read_head(partial_.data(), partial_size_ + some);
    const std::size_t used = frame_.size == 0 ? some : frame_.size - partial_size_;
    partial_size_ = frame_.size == 0 ? partial_size_ + some : 0;
    left_ = frame_.payload;
    return used;
}

/// Pings only come while nothing is being sent in bulk: in the middle of a frame there is no room.
void WebSocketWire::answer_control() {
    if (frame_.opcode == kPing && out_.empty()) {
        std::uint8_t pong[kMostHead + 125];
        const std::size_t size = write_head(pong, kPong, control_.size());
        std::copy(control_.begin(), control_.end(), pong + size);
        write(pong, size + control_.size());
        flush();
    }
    control_.clear();
}

std::size_t WebSocketWire::write(const std::uint8_t* bytes, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
        const std::size_t room = 64 * 1024 - done % (64 * 1024);
        const std::size_t record = std::min({size - done, room, std::size_t{16 * 1024}});
        if (SSL_write(ssl_, bytes + done, static_cast<int>(record)) <= 0) break;
        done += record;
        if (done % (64 * 1024) == 0 && !flush()) break;
    }
    flush();
    return done;
}

std::vector<std::uint8_t> WebSocketWire::head(std::uint64_t payload) const {
    std::vector<std::uint8_t> head(kMostHead);
    head.resize(write_head(head.data(), kBinary, payload));
    return head;
}

void WebSocketWire::close() {
    const std::uint8_t frame[] = {0x88, 2, 0x03, 0xe8};
    write(frame, sizeof frame);
}

std::string header(const std::string& request, const std::string& name) {
    const std::size_t at = request.find(name + ": ");
    if (at == std::string::npos) return {};
    const std::size_t start = at + name.size() + 2;
    return request.substr(start, request.find("\r\n", start) - start);
}

std::string accept_value(const std::string& key) {
    const std::string joined = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::uint8_t digest[SHA_DIGEST_LENGTH];
    SHA1(reinterpret_cast<const std::uint8_t*>(joined.data()), joined.size(), digest);
    std::uint8_t text[64];
    const int size = EVP_EncodeBlock(text, digest, sizeof digest);
    return {text, text + size};
}

/// The path of the request, once it is answered; blocking, within the socket's own deadline.
std::optional<std::string> answer_upgrade(SSL* ssl) {
    if (SSL_accept(ssl) != 1) return std::nullopt;
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
        char some[4096];
        const int got = SSL_read(ssl, some, sizeof some);
        if (got <= 0) return std::nullopt;
        request.append(some, static_cast<std::size_t>(got));
    }
    const std::string answer =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
        accept_value(header(request, "Sec-WebSocket-Key")) +
        (header(request, "Sec-WebSocket-Protocol").empty()
             ? "\r\n\r\n"
             : "\r\nSec-WebSocket-Protocol: binary\r\n\r\n");
    const std::string path = request.substr(4, request.find(' ', 4) - 4);
    if (SSL_write(ssl, answer.data(), static_cast<int>(answer.size())) <= 0) return std::nullopt;
    return path;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
    using namespace bench;
    if (argc != 2) die("bench-cloud-end CERTIFICATE_AND_KEY.pem");
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[1], SSL_FILETYPE_PEM) != 1)
        die("certificate");
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, kBatch);
    return serve([context](int fd, std::int64_t) -> std::unique_ptr<Wire> {
        const timeval patience{30, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        SSL* ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        const std::optional<std::string> path = answer_upgrade(ssl);
        if (path) return std::make_unique<WebSocketWire>(ssl, fd, *path);
        SSL_free(ssl);
        return nullptr;
    });
}
