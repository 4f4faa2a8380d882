// SPDX-License-Identifier: Apache-2.0
// The owner's command as the session runs it: what counts is its own end, in time.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <thread>

#include "session/approval.hpp"
#include "session/launch.hpp"
#include "session/stop_signal.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kLong{20'000}, kShort{300};

struct Ran {
    CommandEnd end;
    Milliseconds took;
};

Ran run(const std::string& script, Milliseconds patience,
        const std::vector<std::string>& environment = {}) {
    const auto since = Clock::now();
    auto end = run_command({"sh", "-c", script}, environment, patience);
    REQUIRE(end.ok());
    return {*end, std::chrono::duration_cast<Milliseconds>(Clock::now() - since)};
}

/// Nobody may be there to reap an orphan: one that is dead but listed (state Z) is gone too.
bool is_gone(pid_t pid) {
    if (::kill(pid, 0) != 0) return errno == ESRCH;
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    return line.find(") Z ") != std::string::npos;
}

bool soon_gone(pid_t pid) {
    for (int tries = 0; tries < 500 && !is_gone(pid); ++tries)
        std::this_thread::sleep_for(Milliseconds(10));
    return is_gone(pid);
}

TEST_CASE("a command's exit status decides, and what it printed is kept") {
    CHECK(run("exit 0", kLong).end.approved);
    const Ran refused = run("echo not now; echo really >&2; exit 3", kLong);
    CHECK_FALSE(refused.end.approved);
    CHECK(refused.end.how == "exit status 3");
    CHECK(refused.end.output == "not now\nreally\n");
    CHECK(run("kill -9 $$", kLong).end.how == "signal 9");
}

TEST_CASE("the approve command is not looked for in the PATH of the caller") {
    char folder[] = "/tmp/command-test-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    const std::string program = std::string(folder) + "/of-the-caller";
    std::ofstream(program) << "#!/bin/sh\n";
    REQUIRE(::chmod(program.c_str(), 0755) == 0);
    const std::string path = ::getenv("PATH");
    ::setenv("PATH", (path + ":" + folder).c_str(), 1);
    ConnectRequest request;
    const Result<void> approved = approve("of-the-caller", request);
    ::setenv("PATH", path.c_str(), 1);
    std::filesystem::remove_all(folder);
    REQUIRE_FALSE(approved.ok());
    CHECK(approved.error().detail == "of-the-caller: No such file or directory");
}

TEST_CASE("whether the approve command could be started is seen without starting it") {
    CHECK(find_approval("").ok());
    CHECK(find_approval("sh -c false").ok());
    CHECK(find_approval("/bin/sh").ok());
    for (const char* command : {"  ", "no-such-program", "/no/such/program", "/etc", "/etc/passwd"})
        CHECK_FALSE(find_approval(command).ok());
}

TEST_CASE("a command that cannot be run says so") {
    const auto end = run_command({"/no/such/command", "x"}, {}, kLong);
    REQUIRE(end.ok());
    CHECK_FALSE(end->approved);
    CHECK(end->output == "/no/such/command: No such file or directory");
    CHECK_FALSE(run_command({}, {}, kLong).ok());
}

TEST_CASE("a process it leaves behind with its output keeps nobody waiting") {
    const Ran ran = run("echo first; sleep 15 & echo $! >&2; exit 0", kLong);
    CHECK(ran.end.approved);
    CHECK(ran.took < Milliseconds(5'000));
    ::kill(std::stoi(ran.end.output.substr(ran.end.output.find('\n'))), SIGKILL);
    const Ran daemon = run("setsid sleep 15 & echo $!; exit 1", kLong);
    CHECK(daemon.end.how == "exit status 1");
    CHECK(daemon.took < Milliseconds(5'000));
    ::kill(std::stoi(daemon.end.output), SIGKILL);
}

TEST_CASE(
    "one that closes its output and stays, or ignores signals, or never stops printing, is "
    "killed in time") {
    for (const char* script :
         {"exec >&- 2>&-; sleep 15", "trap '' TERM INT HUP; while :; do sleep 1; done",
          "trap '' TERM; while :; do echo y; done", "cat; sleep 15"}) {
        CAPTURE(std::string(script));
        const Ran ran = run(script, kShort);
        CHECK_FALSE(ran.end.approved);
        CHECK(ran.end.how == "no answer within 300ms");
        CHECK(ran.end.output.empty());
        CHECK(ran.took >= kShort);
        CHECK(ran.took < Milliseconds(3'000));
    }
}

TEST_CASE("what it started goes with it when its time is over") {
    char name[] = "/tmp/command-test-XXXXXX";
    const int file = ::mkstemp(name);
    REQUIRE(file >= 0);
    run("sleep 15 & echo $! > " + std::string(name) + "; wait", Milliseconds(1'000));
    char text[32] = {};
    REQUIRE(::read(file, text, sizeof text - 1) > 0);
    CHECK(soon_gone(static_cast<pid_t>(std::stoi(text))));
    ::close(file);
    ::unlink(name);
}

TEST_CASE("endless output is cut and does not hold up the end") {
    const Ran ran = run("head -c 300000 /dev/zero | tr '\\0' x; exit 1", kLong);
    CHECK(ran.end.how == "exit status 1");
    CHECK(ran.end.output == std::string(400, 'x'));
}

TEST_CASE("its environment is what it is given and PATH, and its descriptors are three") {
    const Ran ran = run("env | grep -v -e ^PWD= -e ^SHLVL= -e ^_= | sort; exit 1", kLong,
                        {"HOST=$(echo no) `x` \"'", "PORT=22"});
    CHECK(ran.end.output.find("HOST=$(echo no) `x` \"'\nPATH=/usr/local/sbin:") == 0);
    CHECK(ran.end.output.find("\nPORT=22\n") != std::string::npos);
    const int open = ::open("/dev/null", O_RDONLY);                     // no O_CLOEXEC
    CHECK(run("ls /proc/self/fd | wc -l", kLong).end.output == "4\n");  // and ls's own
    ::close(open);
}

TEST_CASE("words are passed as they are: no shell reads them") {
    const auto end = run_command({"printf", "%s|", "$(echo no)", "`x`", "a;b", "*"}, {}, kLong);
    REQUIRE(end.ok());
    CHECK(end->output == "$(echo no)|`x`|a;b|*|");
}

TEST_CASE("whoever stops us meanwhile stops the command") {
    hold_stop_signals();  // as every process of ours that runs a command has
    const Ran ran = run("kill -TERM " + std::to_string(::getpid()) + "; sleep 15", kLong);
    const sigset_t held = stop_signals();
    const timespec at_once{0, 0};
    CHECK(::sigtimedwait(&held, nullptr, &at_once) == SIGTERM);
    ::sigprocmask(SIG_UNBLOCK, &held, nullptr);
    CHECK(ran.end.stopped);
    CHECK_FALSE(ran.end.approved);
    CHECK(ran.took < Milliseconds(5'000));
}

}  // namespace
}  // namespace remote_access
