// SPDX-License-Identifier: Apache-2.0
#include "session/launch.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/guard.hpp"
#include "base/memory.hpp"
#include "session/channel.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {
namespace {

/// Not every number up to the limit, which is a billion in many a container.
std::vector<int> open_descriptors() {
    std::vector<int> numbers;
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir("/proc/self/fd"), ::closedir);
    while (const dirent* entry = listing ? ::readdir(listing.get()) : nullptr)
        numbers.push_back(std::atoi(entry->d_name));
    const long highest = listing ? 0 : std::min(::sysconf(_SC_OPEN_MAX), 65'536L);  // no /proc
    for (int fd = 0; fd < highest; ++fd) numbers.push_back(fd);
    return numbers;
}

void close_all_but(std::vector<int> keep) {
    std::sort(keep.begin(), keep.end());
    unsigned from = STDERR_FILENO + 1;
    for (const int kept : keep) {
        if (kept < static_cast<int>(from)) continue;
        const auto number = static_cast<unsigned>(kept);
        if (number > from) ::close_range(from, number - 1, 0);
        from = number + 1;
    }
    if (::close_range(from, ~0U, 0) == 0) return;
    // Before Linux 5.9, or where a container's filter does not know the call.
    for (const int fd : open_descriptors()) {
        if (fd > STDERR_FILENO && std::find(keep.begin(), keep.end(), fd) == keep.end())
            ::close(fd);
    }
}

void reset_signals(const sigset_t& held) {
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
    ::signal(SIGPIPE, SIG_IGN);
    ::sigprocmask(SIG_SETMASK, &held, nullptr);
}

/// The caller waits for end of file on its pipes: 0–2 go before anything that could take time.
void detach(const char* name, const std::vector<int>& keep) {
    const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (null >= 0) {
            ::dup2(null, fd);
        } else {
            ::close(fd);
        }
    }
    close_all_but(keep);
    ::setsid();
    reset_signals(stop_signals());  // until the process can end in good order
    if (::chdir("/") != 0) return;
    ::umask(0077);
    ::prctl(PR_SET_NAME, name);
    keep_memory_private();
}

[[noreturn]] void leave(int status) { ::_exit(status); }

/// It must not outlive the session that waits for it.
void die_with_parent(pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) leave(127);
}

[[noreturn]] void execute(const std::vector<std::string>& words,
                          const std::vector<std::string>& environment, int output) {
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    close_all_but({});
    ::setsid();
    sigset_t none;
    ::sigemptyset(&none);
    reset_signals(none);
    ::signal(SIGPIPE, SIG_DFL);
    std::vector<char*> arguments, variables;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    for (const std::string& one : environment) variables.push_back(const_cast<char*>(one.c_str()));
    arguments.push_back(nullptr);
    variables.push_back(nullptr);
    ::execvpe(arguments[0], arguments.data(), variables.data());
    ::dprintf(STDERR_FILENO, "%s", system_error(words.front(), errno).detail.c_str());
    leave(127);
}

/// What is there, without waiting; keeps the first `most` bytes. False: end of file.
bool take_output(int fd, std::size_t most, std::string& output) {
    constexpr int kMostReads = 64;  // one that never stops printing must not keep us here
    for (int reads = 0; reads < kMostReads; ++reads) {
        char buffer[512];
        const ssize_t count = ::read(fd, buffer, sizeof buffer);
        if (count < 0) return errno == EAGAIN || errno == EINTR;
        if (count == 0) return false;
        output.append(buffer, std::min(static_cast<std::size_t>(count), most - output.size()));
    }
    return true;
}

/// Until the command has ended, whoever else still holds its output. False: not in time, or a
/// signal to stop came.
bool await_command(pid_t pid, int output, const Deadline& deadline, CommandEnd& end) {
    constexpr std::size_t kMostOutput = 400;
    constexpr int kTick = 10;  // milliseconds
    for (;;) {
        end.how = reap(pid);  // first: what it printed before its end is there
        if (output >= 0 && !take_output(output, kMostOutput, end.output)) output = -1;
        if (!end.how.empty()) return true;
        if (stop_pending() || deadline.over()) return false;
        pollfd waiting{output, POLLIN, 0};
        ::poll(&waiting, 1, kTick);
    }
}

}  // namespace

Result<Child> launch(const char* name, const std::vector<int>& keep,
                     const std::function<int(Fd channel)>& body) {
    Result<std::pair<Fd, Fd>> ends = channel_pair();
    if (!ends) return ends.error();
    const pid_t pid = ::fork();
    if (pid < 0) return system_error("fork", errno);
    if (pid == 0) {
        std::vector<int> kept = keep;
        kept.push_back(ends->second.get());
        detach(name, kept);
        forget_stack();  // of the parent, who has read settings and login
        ends->first.release();
        leave(guarded(1, [&body, &ends] { return body(std::move(ends->second)); }));
    }
    Child child;
    child.pid = pid;
    child.channel = std::move(ends->first);
    child.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    return child;
}

Fd detach_in_place(const char* name, Fd channel, const std::vector<int>& keep) {
    Fd moved(::fcntl(channel.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (channel.get() <= STDERR_FILENO) channel.release();  // detach() replaces it
    std::vector<int> kept = keep;
    kept.push_back(moved.get());
    channel.reset();
    detach(name, kept);
    return moved;
}

Result<std::optional<Fd>> connect_session_socket(const std::string& path) {
    Fd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return system_error("socket", errno);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return std::optional<Fd>();
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0)
        return std::optional<Fd>(std::move(socket));
    if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED) return std::optional<Fd>();
    Error error = system_error("connect", errno);
    return Error{Fault::kSession, path, error.detail};
}

Result<CommandEnd> run_command(const std::vector<std::string>& words,
                               const std::vector<std::string>& environment, Milliseconds patience) {
    if (words.empty()) return Error{Fault::kSystem, {}, "the command is empty"};
    std::vector<std::string> variables = environment;
    variables.push_back(std::string("PATH=") + kCommandPath);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("pipe", errno);
    const Fd reading(ends[0]);
    Fd writing(ends[1]);
    ::fcntl(reading.get(), F_SETFL, O_NONBLOCK);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0) return system_error("fork", errno);
    if (pid == 0) {
        die_with_parent(parent);
        execute(words, variables, writing.get());
    }
    writing.reset();
    CommandEnd end;
    if (!await_command(pid, reading.get(), Deadline::in(patience), end)) {
        ::kill(-pid, SIGKILL);
        ::kill(pid, SIGKILL);  // it may have no group of its own yet
        ::waitpid(pid, nullptr, 0);
        end.stopped = stop_pending();
        end.how = "no answer within " + format_duration(patience);
        end.output.clear();
    }
    end.approved = end.how == "exit status 0";
    return end;
}

void kill_child(const Child& child) {
    if (child.pidfd) {
        ::syscall(SYS_pidfd_send_signal, child.pidfd.get(), SIGKILL, nullptr, 0);
    } else {
        ::kill(child.pid, SIGKILL);  // not reaped yet, so the number is still its own
    }
}

std::string await_end(const Child& child, Milliseconds patience) {
    const Deadline deadline = Deadline::in(patience);
    std::string how;
    while ((how = reap(child.pid)).empty() && !deadline.over()) {
        pollfd ended{child.pidfd.get(), POLLIN, 0};  // without a pidfd: a short sleep
        const int rest = static_cast<int>(deadline.left().count());
        ::poll(&ended, 1, child.pidfd ? rest : std::min(rest, 5));
    }
    if (!how.empty()) return how;
    kill_child(child);
    return "killed: it did not end";
}

std::string reap(pid_t pid) {
    int status = 0;
    if (pid <= 0 || ::waitpid(pid, &status, WNOHANG) != pid) return {};
    if (WIFSIGNALED(status)) {
        const int number = WTERMSIG(status);
        return "signal " + std::to_string(number) +
               (number == SIGSYS ? " (a system call that its sandbox forbids)" : "");
    }
    return "exit status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace remote_access
