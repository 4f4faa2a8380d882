// SPDX-License-Identifier: Apache-2.0
#include "sandbox/seccomp.hpp"

#include <asm/ioctls.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <initializer_list>
#include <memory>

namespace remote_access {
namespace {

// libseccomp leaves out the calls that an architecture does not have, so 32-bit names stand beside
// the others. Three answers:
// - kill for what the code never asks for and an intruder needs (SIGSYS: the session's record shows
//   "signal 31"), so that a second try does not come;
// - ENOSYS for everything else that is not listed, as an older kernel answers: a libc newer than
//   this list falls back to what is there;
// - in the session EPERM throughout: it has to live to publish the final status.

// clang-format off
/// The pump on its sockets, memory, time, and an orderly end.
constexpr int kPumpCalls[] = {
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(recv),
    SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(shutdown), SCMP_SYS(close), SCMP_SYS(getsockopt),
    SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2), SCMP_SYS(epoll_ctl),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(ppoll_time64), SCMP_SYS(timerfd_settime),
    SCMP_SYS(timerfd_settime64), SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64),
    SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap),
    SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(sched_yield),
    SCMP_SYS(getrandom), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn), SCMP_SYS(restart_syscall), SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/// Beside those: certificates are looked up and read, timers and events made, the second step taken.
constexpr int kHandshakeCalls[] = {
    SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(fstat),
    SCMP_SYS(fstat64), SCMP_SYS(fstatat64), SCMP_SYS(newfstatat), SCMP_SYS(statx), SCMP_SYS(lseek),
    SCMP_SYS(_llseek), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getdents64), SCMP_SYS(getuid),
    SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(sysinfo), SCMP_SYS(uname),
    SCMP_SYS(getrusage), SCMP_SYS(times), SCMP_SYS(seccomp), SCMP_SYS(landlock_create_ruleset),
    SCMP_SYS(landlock_restrict_self),
};

/// Not a step of any handshake or pump.
constexpr int kHostileCalls[] = {
    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen),
    SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(socketcall), SCMP_SYS(execve),
    SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone), SCMP_SYS(clone3),
    SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo),
    SCMP_SYS(pidfd_open), SCMP_SYS(pidfd_send_signal), SCMP_SYS(pidfd_getfd), SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise),
    SCMP_SYS(kcmp), SCMP_SYS(creat), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(mknod),
    SCMP_SYS(mknodat), SCMP_SYS(link), SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(symlinkat),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink),
    SCMP_SYS(unlinkat), SCMP_SYS(truncate), SCMP_SYS(truncate64), SCMP_SYS(chmod),
    SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(fchown), SCMP_SYS(fchownat),
    SCMP_SYS(lchown), SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid),
    SCMP_SYS(setresuid), SCMP_SYS(setresgid), SCMP_SYS(setgroups), SCMP_SYS(capset),
    SCMP_SYS(memfd_create), SCMP_SYS(pkey_mprotect),
};

/// Of the machine or of other processes: no session administers either.
constexpr int kForeignToSessions[] = {
    SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(process_madvise),
    SCMP_SYS(kcmp), SCMP_SYS(pidfd_getfd), SCMP_SYS(bpf), SCMP_SYS(perf_event_open),
    SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register),
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load), SCMP_SYS(reboot), SCMP_SYS(swapon), SCMP_SYS(swapoff),
    SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(quotactl_fd), SCMP_SYS(syslog), SCMP_SYS(mount),
    SCMP_SYS(umount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot),
    SCMP_SYS(move_mount), SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(mount_setattr), SCMP_SYS(unshare),
    SCMP_SYS(setns), SCMP_SYS(name_to_handle_at), SCMP_SYS(open_by_handle_at),
    SCMP_SYS(settimeofday), SCMP_SYS(stime), SCMP_SYS(clock_settime), SCMP_SYS(clock_settime64),
    SCMP_SYS(clock_adjtime), SCMP_SYS(clock_adjtime64), SCMP_SYS(adjtimex), SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname), SCMP_SYS(iopl), SCMP_SYS(ioperm), SCMP_SYS(modify_ldt),
    SCMP_SYS(vm86), SCMP_SYS(vm86old), SCMP_SYS(personality), SCMP_SYS(setuid), SCMP_SYS(setgid),
    SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid), SCMP_SYS(setresgid),
    SCMP_SYS(setgroups), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(capset),
    // What Landlock does not see:
    SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SCMP_SYS(chown), SCMP_SYS(fchown),
    SCMP_SYS(fchownat), SCMP_SYS(lchown), SCMP_SYS(setxattr), SCMP_SYS(lsetxattr),
    SCMP_SYS(fsetxattr), SCMP_SYS(removexattr), SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr),
    SCMP_SYS(utime), SCMP_SYS(utimes), SCMP_SYS(utimensat), SCMP_SYS(utimensat_time64),
    SCMP_SYS(futimesat), SCMP_SYS(truncate), SCMP_SYS(truncate64),
};
// clang-format on

struct Release {
    void operator()(void* context) const { seccomp_release(context); }
};

/// One filter while it is put together; keeps the first error.
class Rules {
public:
    explicit Rules(std::uint32_t otherwise) : context_(seccomp_init(otherwise)) {
        if (!context_) return;
        set(SCMP_FLTATR_CTL_NNP, 0);  // no_new_privs is set already, and said where it is missing
        set(SCMP_FLTATR_API_SYSRAWRC, 1);  // the kernel's own errno
        set(SCMP_FLTATR_CTL_OPTIMIZE, 2);  // a binary tree: send() looks at 8 rules, not at 100
    }

    template <std::size_t N>
    void add(std::uint32_t action, const int (&calls)[N]) {
        for (const int call : calls) add(action, call);
    }
    void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> when = {}) {
        if (error_ != 0) return;
        const int result = seccomp_rule_add_array(context_.get(), action, call,
                                                  static_cast<unsigned>(when.size()), when.begin());
        if (result != -EDOM) fail(result);  // not a call of this architecture
    }
    int load() {
        if (error_ == 0) fail(seccomp_load(context_.get()));
        return error_;
    }

private:
    void set(scmp_filter_attr attribute, std::uint32_t value) {
        fail(seccomp_attr_set(context_.get(), attribute, value));
    }
    void fail(int result) {
        if (error_ == 0 && result < 0) error_ = result;
    }
    std::unique_ptr<void, Release> context_;
    int error_ = context_ ? 0 : -ENOMEM;
};

constexpr int kFirstUnlisted = 451;  // Linux 6.5; all calls of 6.4 were looked through
constexpr std::uint32_t kAllow = SCMP_ACT_ALLOW;

/// Linux before 4.14 kills the thread alone: here it is the process.
std::uint32_t kill() {
    return seccomp_api_get() >= 3 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_KILL_THREAD;
}

scmp_arg_cmp bits(unsigned argument, std::uint64_t mask, std::uint64_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}
/// An int: the kernel does not look at the upper half of the register either.
scmp_arg_cmp equals(unsigned argument, std::uint32_t value) {
    return bits(argument, 0xFFFF'FFFF, value);
}

/// A connected socket leads nowhere else: MSG_FASTOPEN would be a connect() without its name.
void add_sending(Rules& rules) {
    for (const auto& [call, flags] :
         {std::pair(SCMP_SYS(sendto), 3U), std::pair(SCMP_SYS(send), 3U),
          std::pair(SCMP_SYS(sendmsg), 2U)}) {
        rules.add(kill(), call, {bits(flags, MSG_FASTOPEN, MSG_FASTOPEN)});
        rules.add(kAllow, call, {bits(flags, MSG_FASTOPEN, 0)});
    }
}

void add_memory(Rules& rules) {
    for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)}) {
        rules.add(kill(), call, {bits(2, PROT_EXEC, PROT_EXEC)});
        rules.add(kAllow, call, {bits(2, PROT_EXEC, 0)});
    }
}

void add_pump(Rules& rules) {
    rules.add(kAllow, kPumpCalls);
    add_sending(rules);
    add_memory(rules);
    rules.add(kAllow, SCMP_SYS(ioctl), {equals(1, FIONBIO)});
    rules.add(kAllow, SCMP_SYS(ioctl), {equals(1, SIOCOUTQ)});  // has the target got everything?
    rules.add(kAllow, SCMP_SYS(setsockopt), {equals(1, IPPROTO_TCP), equals(2, TCP_USER_TIMEOUT)});
    // abort() is to be known for what it is.
    rules.add(kAllow, SCMP_SYS(tgkill),
              {equals(0, static_cast<std::uint32_t>(::getpid())), equals(2, SIGABRT)});
    rules.add(kill(), kHostileCalls);
}

void add_handshake(Rules& rules) {
    rules.add(kAllow, kHandshakeCalls);
    constexpr std::uint64_t kChanging = O_ACCMODE | O_CREAT | O_TRUNC;
    rules.add(kAllow, SCMP_SYS(open), {bits(1, kChanging, O_RDONLY)});
    rules.add(kAllow, SCMP_SYS(openat), {bits(2, kChanging, O_RDONLY)});
    rules.add(kAllow, SCMP_SYS(prlimit64), {equals(0, 0)});  // its own: RLIMIT_NOFILE again
}

void add_session(Rules& rules) {
    constexpr std::uint32_t kRefuse = SCMP_ACT_ERRNO(EPERM);
    rules.add(kRefuse, kForeignToSessions);
    // Newer than the list (fchmodat2, setxattrat, …): as on the kernel that the list was made for.
    // These numbers are the same on all architectures.
    for (int call = kFirstUnlisted; call < kFirstUnlisted + 24; ++call)
        rules.add(SCMP_ACT_ERRNO(ENOSYS), call);
    // Threads, no processes; clone3() hides its flags in memory, and glibc does without it.
    rules.add(kRefuse, SCMP_SYS(clone), {bits(0, CLONE_THREAD, 0)});
    rules.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
}

}  // namespace

Result<void> seccomp(CallFilter filter) {
    const bool session = filter == CallFilter::kSession;
    Rules rules(session ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOSYS));
    if (session) {
        add_session(rules);
    } else {
        add_pump(rules);
        if (filter == CallFilter::kHandshake) add_handshake(rules);
    }
    const int result = rules.load();
    if (result == 0) return {};
    return system_error("seccomp", -result);
}

}  // namespace remote_access
