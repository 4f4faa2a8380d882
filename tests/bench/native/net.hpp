// SPDX-License-Identifier: Apache-2.0
// The few calls that the measuring programs share. A failure ends the program with a line on
// standard error: there is nobody to recover for.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace bench {

[[noreturn]] void die(const std::string& what);
/// CLOCK_MONOTONIC: one clock for all processes of the benchmark.
std::int64_t now_ns();

int connect_tcp(const char* port);
/// A free port of 127.0.0.1; `port` receives it.
int listen_tcp(std::uint16_t& port);
void set_no_delay(int fd);
void set_non_blocking(int fd);

/// Collects the TLS records that SSL_write makes, so that one send() takes many.
class GatheringBio {
public:
    GatheringBio(SSL* ssl, int fd);
    /// True: nothing is left to be sent. A broken connection counts as sent: reading shows it.
    bool flush();
    bool empty() const { return begin_ == bytes_.size(); }

private:
    static int write(BIO* bio, const char* data, int size);
    static long control(BIO* bio, int command, long number, void* pointer);

    int fd_;
    std::vector<char> bytes_;
    std::size_t begin_ = 0;
};

/// A WebSocket frame's head; `size` counts its bytes, the masking key included.
struct FrameHead {
    std::uint8_t opcode = 0;
    bool masked = false;
    std::uint8_t key[4] = {};
    std::uint64_t payload = 0;
    std::size_t size = 0;  ///< 0: not complete yet
};
constexpr std::size_t kMostHead = 14;
constexpr std::uint8_t kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

FrameHead read_head(const std::uint8_t* bytes, std::size_t size);
/// A final frame's head without mask; the number of bytes written.
std::size_t write_head(std::uint8_t* to, std::uint8_t opcode, std::uint64_t payload);
/// XORs eight bytes at a time; the first byte is the first of the payload.
void apply_mask(std::uint8_t* bytes, std::size_t size, const std::uint8_t (&key)[4]);

}  // namespace bench
