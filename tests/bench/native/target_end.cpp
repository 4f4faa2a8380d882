// SPDX-License-Identifier: Apache-2.0
// The service behind the device, as a measuring instrument. Commands: script.hpp.
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "net.hpp"
#include "script.hpp"

namespace bench {
namespace {

class TcpWire : public Wire {
public:
    explicit TcpWire(int fd) : fd_(fd), in_(256 * 1024) {}
    int fd() const override { return fd_; }
    std::string name() const override { return "target"; }
    Status read(const Take& take) override {
        const ssize_t got = ::recv(fd_, in_.data(), in_.size(), 0);
        if (got < 0 && errno == EAGAIN) return Status::kDry;
        if (got <= 0) return Status::kEnded;
        take(in_.data(), static_cast<std::size_t>(got));
        return Status::kMore;
    }
    std::size_t write(const std::uint8_t* bytes, std::size_t size) override {
        const ssize_t sent = ::send(fd_, bytes, size, MSG_NOSIGNAL);
        return sent > 0 ? static_cast<std::size_t>(sent) : 0;
    }
    bool flush() override { return true; }
    bool has_buffered() const override { return false; }
    std::vector<std::uint8_t> head(std::uint64_t) const override { return {}; }
    void close() override { ::shutdown(fd_, SHUT_WR); }

private:
    int fd_;
    std::vector<std::uint8_t> in_;
};

}  // namespace
}  // namespace bench

int main() {
    return bench::serve([](int fd, std::int64_t) { return std::make_unique<bench::TcpWire>(fd); });
}
