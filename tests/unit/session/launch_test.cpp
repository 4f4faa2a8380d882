// SPDX-License-Identifier: Apache-2.0
#include "session/launch.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

using namespace remote_access;

namespace {

constexpr int kSkipped = 77;
constexpr unsigned kFar = 2000;

/// A kernel without close_range(), and death for whoever tries numbers one after the other.
bool hide_close_range() {
    const std::array program{
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 3, 0),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close, 0, 3),
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kFar, 2, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    const sock_fprog whole{static_cast<unsigned short>(program.size()),
                           const_cast<sock_filter*>(program.data())};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) == 0;
}

/// In a process of its own: what it does to itself cannot be undone.
int launch_on_an_old_kernel() {
    rlimit many{};
    ::getrlimit(RLIMIT_NOFILE, &many);
    many.rlim_cur = many.rlim_max;
    if (many.rlim_max <= kFar || ::setrlimit(RLIMIT_NOFILE, &many) != 0) return kSkipped;
    const int kept = ::open("/dev/null", O_RDONLY), lost = ::open("/dev/null", O_RDONLY);
    if (!hide_close_range()) return kSkipped;
    const Result<Child> child = launch("x", {kept}, [kept, lost](const Fd&) {
        return ::fcntl(kept, F_GETFD) >= 0 && ::fcntl(lost, F_GETFD) < 0 ? 7 : 1;
    });
    return child && await_end(*child, Milliseconds(10'000)) == "exit status 7" ? 0 : 1;
}

}  // namespace

TEST_CASE("without close_range() a child's descriptors are closed, and no number is guessed") {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(launch_on_an_old_kernel());
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    const bool skipped = WEXITSTATUS(status) == kSkipped;  // no seccomp, or few descriptors here
    CHECK((skipped || WEXITSTATUS(status) == 0));
}
