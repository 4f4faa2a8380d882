// SPDX-License-Identifier: Apache-2.0
#include "net.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace bench {
namespace {

constexpr std::size_t kGathered = 80 * 1024;

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

}  // namespace

void die(const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(1);
}

std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

int connect_tcp(const char* port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(static_cast<std::uint16_t>(std::atoi(port)));
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        die(std::string("connect to port ") + port);
    set_no_delay(fd);
    return fd;
}

int listen_tcp(std::uint16_t& port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) != 0) die("bind");
    if (::listen(fd, 16) != 0) die("listen");
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    return fd;
}

void set_no_delay(int fd) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void set_non_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

GatheringBio::GatheringBio(SSL* ssl, int fd) : fd_(fd) {
    static BIO_METHOD* const method = [] {
        BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gathering");
        BIO_meth_set_write(made, &GatheringBio::write);
        BIO_meth_set_ctrl(made, &GatheringBio::control);
        return made;
    }();
    bytes_.reserve(kGathered);
    BIO* bio = BIO_new(method);
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set0_wbio(ssl, bio);
}

int GatheringBio::write(BIO* bio, const char* data, int size) {
    auto& self = *static_cast<GatheringBio*>(BIO_get_data(bio));
    self.bytes_.insert(self.bytes_.end(), data, data + size);
    return size;
}

long GatheringBio::control(BIO*, int command, long, void*) {
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

bool GatheringBio::flush() {
    while (!empty()) {
        const ssize_t sent =
            ::send(fd_, bytes_.data() + begin_, bytes_.size() - begin_, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) return false;
        if (sent <= 0) break;
        begin_ += static_cast<std::size_t>(sent);
    }
    bytes_.clear();
    begin_ = 0;
    return true;
}

FrameHead read_head(const std::uint8_t* bytes, std::size_t size) {
    FrameHead head;
    if (size < 2) return head;
    head.opcode = bytes[0] & 0x0f;
    head.masked = (bytes[1] & 0x80) != 0;
    const std::uint8_t shortened = bytes[1] & 0x7f;
    const std::size_t extra = shortened == 126 ? 2 : shortened == 127 ? 8 : 0;
    const std::size_t whole = 2 + extra + (head.masked ? 4 : 0);
    if (size < whole) return head;
    head.payload = extra == 0 ? shortened : 0;
    for (std::size_t i = 0; i < extra; ++i) head.payload = head.payload << 8 | bytes[2 + i];
    if (head.masked) std::memcpy(head.key, bytes + 2 + extra, sizeof head.key);
    head.size = whole;
    return head;
}

std::size_t write_head(std::uint8_t* to, std::uint8_t opcode, std::uint64_t payload) {
    const std::size_t extra = payload < 126 ? 0 : payload < 65536 ? 2 : 8;
    to[0] = static_cast<std::uint8_t>(0x80 | opcode);
    to[1] = static_cast<std::uint8_t>(extra == 0 ? payload : extra == 2 ? 126 : 127);
    for (std::size_t i = 0; i < extra; ++i)
        to[2 + i] = static_cast<std::uint8_t>(payload >> (8 * (extra - 1 - i)));
    return 2 + extra;
}

void apply_mask(std::uint8_t* bytes, std::size_t size, const std::uint8_t (&key)[4]) {
    std::uint8_t twice[8];
    for (std::size_t i = 0; i < 8; ++i) twice[i] = key[i % 4];
    std::uint64_t wide = 0;
    std::memcpy(&wide, twice, 8);
    std::size_t done = 0;
    for (; done + 8 <= size; done += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + done, 8);
        word ^= wide;
        std::memcpy(bytes + done, &word, 8);
    }
    for (; done < size; ++done)
        bytes[done] = static_cast<std::uint8_t>(bytes[done] ^ key[done % 4]);
}

}  // namespace bench
