// SPDX-License-Identifier: Apache-2.0
#include "session/stop_signal.hpp"

#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "base/log.hpp"

namespace remote_access {
namespace {

constexpr int kByCommand = 0x72616365;  // goes with the signal of `sessions end`

std::string name_of_user(std::uint32_t uid) {
    return uid == 0 ? "root" : "user " + std::to_string(uid);
}

}  // namespace

sigset_t stop_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGTERM);
    ::sigaddset(&signals, SIGINT);
    return signals;
}

void hold_stop_signals() {
    const sigset_t signals = stop_signals();
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
}

bool stop_pending() {
    sigset_t pending;
    return ::sigpending(&pending) == 0 &&
           (::sigismember(&pending, SIGTERM) == 1 || ::sigismember(&pending, SIGINT) == 1);
}

Result<void> send_stop(int pidfd) {
    siginfo_t info{};
    info.si_signo = SIGTERM;
    info.si_code = SI_QUEUE;
    info.si_pid = ::getpid();
    info.si_uid = ::getuid();
    info.si_value.sival_int = kByCommand;
    if (::syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, &info, 0) != 0)
        return system_error("pidfd_send_signal", errno);
    return {};
}

Error stopped_error() { return {Fault::kStopped, {}, {}}; }

StopSignal::StopSignal(asio::io_context& io) : descriptor_(io) {}

void StopSignal::start(std::function<void(const std::string& why)> on_stop) {
    on_stop_ = std::move(on_stop);
    const sigset_t signals = stop_signals();
    Fd descriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!descriptor) {  // better to die of a signal than to be deaf to it
        ::sigprocmask(SIG_UNBLOCK, &signals, nullptr);
        return;
    }
    descriptor_.assign(descriptor.release());
    wait();
}

void StopSignal::wait() {
    descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [weak = weak_from_this()](const asio::error_code& error) {
                               const auto self = weak.lock();
                               if (!error && self) self->take();
                           });
}

void StopSignal::take() {
    signalfd_siginfo info{};
    if (::read(descriptor_.native_handle(), &info, sizeof info) == sizeof info) {
        log::info("asked to stop by " +
                  std::string(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM") + " of process " +
                  std::to_string(info.ssi_pid) + ", user " + std::to_string(info.ssi_uid));
        const bool by_command = info.ssi_code == SI_QUEUE && info.ssi_int == kByCommand;
        if (on_stop_)
            on_stop_(by_command ? "ended by " + name_of_user(info.ssi_uid) + " with `sessions end`"
                                : "stopped on the device");
    }
    if (descriptor_.is_open()) wait();
}

void StopSignal::cancel() {
    on_stop_ = nullptr;
    asio::error_code ignored;
    descriptor_.close(ignored);
}

}  // namespace remote_access
