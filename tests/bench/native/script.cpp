// SPDX-License-Identifier: Apache-2.0
#include "script.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include "commands.hpp"
#include "net.hpp"
#include "outgoing.hpp"

namespace bench {
namespace {

constexpr std::size_t kTurn = 256 * 1024;  // at most so much before the other direction's turn
constexpr std::size_t kPaced = 16 * 1024;  // a service with a rate writes pieces like sshd's
constexpr std::size_t kStampBytes = 64;
constexpr std::int64_t kQuiet = 100'000'000;
constexpr std::int64_t kSecond = 1'000'000'000;

class Script {
public:
    Script(Commands& commands, Wire& wire) : commands_(commands), wire_(wire) {}
    void run();

private:
    enum class Task { kNone, kTransfer, kEcho, kReflect, kStamp, kClock, kDrain };

    void obey(const std::string& line);
    void begin(Task task);
    void wait();
    timespec patience() const;
    void take(std::uint8_t* bytes, std::size_t size);
    void take_stamps(const std::uint8_t* bytes, std::size_t size);
    void step();
    std::size_t allowed() const;
    void send_small(std::size_t size);
    void end_task();

    Commands& commands_;
    Wire& wire_;
    Outgoing out_;
    Task task_ = Task::kNone;
    bool over_ = false, stalled_ = false, readable_ = false;
    std::uint64_t received_ = 0, sent_ = 0;  // received: payload; sent: bytes of the stream
    std::uint64_t expected_ = 0, task_sent_ = 0;
    std::uint64_t mark_ = 0;  // what was received for earlier commands; more may be early already
    std::uint64_t size_ = 0, count_ = 0, rounds_ = 0, rate_ = 0;
    std::int64_t interval_ = 0, start_ = 0, round_start_ = 0, last_receipt_ = 0, last_send_ = 0;
    std::vector<std::int64_t> times_;
    std::vector<std::uint8_t> message_, stamp_;
};

void Script::run() {
    std::string line;
    while (!over_ && commands_.open()) {
        wait();
        while (commands_.next(line)) obey(line);
        if (readable_ && !stalled_) {
            const auto status =
                wire_.read([this](std::uint8_t* bytes, std::size_t size) { take(bytes, size); });
            if (status == Wire::Status::kEnded) over_ = true;
        }
        step();
    }
}

void Script::obey(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    std::uint64_t a = 0, b = 0, c = 0;
    words >> verb >> a >> b >> c;
    if (verb == "stall") stalled_ = true;
    if (verb == "resume") stalled_ = false;
    if (verb == "close") wire_.close();
    if (verb == "transfer") {
        expected_ = mark_ + c;
        begin(Task::kTransfer);
        out_.bulk(wire_, a, b);
    } else if (verb == "drain") {
        begin(Task::kDrain);
    } else if (verb == "reflect") {
        expected_ = mark_ + a;
        begin(Task::kReflect);
    } else if (verb == "echo" || verb == "stamp" || verb == "clock") {
        count_ = verb == "echo" ? b : a;
        size_ = verb == "echo" ? a : kStampBytes;
        interval_ = verb == "stamp" ? static_cast<std::int64_t>(b) * 1000 : 0;
        rate_ = verb == "clock" ? b * 1'000'000 : 0;
        begin(verb == "echo" ? Task::kEcho : verb == "stamp" ? Task::kStamp : Task::kClock);
        if (verb == "clock") out_.bulk(wire_, std::uint64_t{1} << 50, 16 * 1024);
    }
}

void Script::begin(Task task) {
    task_ = task;
    start_ = last_receipt_ = last_send_ = now_ns();
    round_start_ = 0;
    rounds_ = 0;
    task_sent_ = 0;
    times_.clear();
    stamp_.clear();
}

timespec Script::patience() const {
    if (task_ == Task::kClock && rate_ > 0 && allowed() == 0) return {0, 50'000};
    if (task_ == Task::kDrain) return {0, kQuiet / 5};
    if (task_ != Task::kStamp) return {3600, 0};
    const std::int64_t due = start_ + static_cast<std::int64_t>(rounds_) * interval_;
    const std::int64_t left = std::clamp<std::int64_t>(due - now_ns(), 0, kSecond);
    return {left / kSecond, left % kSecond};
}

void Script::wait() {
    const bool flushed = wire_.flush();
    const bool writing = !flushed || (!out_.done() && allowed() > 0);
    pollfd polled[2] = {{STDIN_FILENO, POLLIN, 0}, {wire_.fd(), 0, 0}};
    polled[1].events = static_cast<short>((stalled_ ? 0 : POLLIN) | (writing ? POLLOUT : 0));
    const bool buffered = !stalled_ && wire_.has_buffered();
    const timespec most = buffered ? timespec{} : patience();
    if (::ppoll(polled, 2, &most, nullptr) < 0) die("poll");
    if ((polled[0].revents & (POLLIN | POLLHUP)) != 0) commands_.read();
    readable_ = buffered || (polled[1].revents & (POLLIN | POLLHUP | POLLERR)) != 0;
    if (stalled_ && (polled[1].revents & POLLERR) != 0) over_ = true;
}

void Script::take(std::uint8_t* bytes, std::size_t size) {
    received_ += size;
    last_receipt_ = now_ns();
    if (task_ == Task::kReflect) out_.message(wire_, bytes, size);
    if (task_ == Task::kClock) take_stamps(bytes, size);
    if (task_ != Task::kEcho || received_ < expected_) return;
    times_.push_back(last_receipt_ - round_start_);
    round_start_ = 0;
}

void Script::take_stamps(const std::uint8_t* bytes, std::size_t size) {
    stamp_.insert(stamp_.end(), bytes, bytes + size);
    for (; stamp_.size() >= kStampBytes;
         stamp_.erase(stamp_.begin(), stamp_.begin() + kStampBytes)) {
        std::int64_t sent = 0;
        std::memcpy(&sent, stamp_.data(), sizeof sent);
        times_.push_back(now_ns() - sent);
    }
}

/// How many bytes the rate lets go now.
std::size_t Script::allowed() const {
    if (rate_ == 0 || task_ != Task::kClock) return kTurn;
    const double seconds = static_cast<double>(now_ns() - start_) / 1e9;
    const auto due = static_cast<std::uint64_t>(seconds * static_cast<double>(rate_));
    if (due < task_sent_ + kPaced) return 0;
    return std::min<std::uint64_t>(kTurn, due - task_sent_);
}

void Script::send_small(std::size_t size) {
    round_start_ = now_ns();
    message_.resize(size);
    std::memcpy(message_.data(), &round_start_, sizeof round_start_);
    expected_ = received_ + size;
    ++rounds_;
    out_.message(wire_, message_.data(), message_.size());
}

void Script::step() {
    if (task_ == Task::kEcho && round_start_ == 0 && rounds_ < count_) send_small(size_);
    if (task_ == Task::kStamp && rounds_ < count_ &&
        now_ns() >= start_ + static_cast<std::int64_t>(rounds_) * interval_)
        send_small(size_);
    if (task_ == Task::kClock && times_.size() >= count_) out_.stop();
    const std::size_t wrote = wire_.flush() ? out_.write(wire_, allowed()) : 0;
    sent_ += wrote;
    task_sent_ += wrote;
    if (wrote > 0) last_send_ = now_ns();
    if (!wire_.flush() || !out_.done()) return;
    const bool done = (task_ == Task::kTransfer && received_ >= expected_) ||
                      (task_ == Task::kReflect && received_ >= expected_) ||
                      (task_ == Task::kEcho && times_.size() >= count_) ||
                      (task_ == Task::kDrain && now_ns() > last_receipt_ + kQuiet) ||
                      (task_ == Task::kStamp && rounds_ >= count_) ||
                      (task_ == Task::kClock && times_.size() >= count_);
    if (done) end_task();
}

void Script::end_task() {
    mark_ = task_ == Task::kTransfer || task_ == Task::kReflect ? expected_ : received_;
    task_ = Task::kNone;
    std::string more = field("start_ns", start_) + field("sent", static_cast<std::int64_t>(sent_)) +
                       field("received", static_cast<std::int64_t>(received_)) +
                       field("last_receipt_ns", last_receipt_) + field("last_send_ns", last_send_);
    std::sort(times_.begin(), times_.end());
    if (!times_.empty()) {
        const std::size_t last = times_.size() - 1;
        more += field("count", static_cast<std::int64_t>(times_.size())) +
                field("p50_ns", times_[last / 2]) + field("p99_ns", times_[last * 99 / 100]) +
                field("max_ns", times_[last]);
    }
    say("done", more);
}

}  // namespace

int serve(const MakeWire& make_wire) {
    std::uint16_t port = 0;
    const int listener = listen_tcp(port);
    say("listening", field("port", port));
    Commands commands;
    while (commands.open()) {
        pollfd polled[2] = {{STDIN_FILENO, POLLIN, 0}, {listener, POLLIN, 0}};
        if (::poll(polled, 2, -1) < 0) die("poll");
        if (polled[0].revents != 0) commands.read();
        if (polled[1].revents == 0) continue;
        const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        const std::int64_t accepted = now_ns();
        set_no_delay(fd);
        const std::unique_ptr<Wire> wire = make_wire(fd, accepted);
        if (wire) {
            set_non_blocking(fd);
            say("up", field("ns", now_ns()) + field("accepted_ns", accepted) + ",\"name\":\"" +
                          wire->name() + "\"");
            Script(commands, *wire).run();
        }
        ::close(fd);
        say("gone", "");
    }
    return 0;
}

}  // namespace bench
