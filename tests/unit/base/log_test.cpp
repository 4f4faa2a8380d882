// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <string>
#include <vector>

using namespace remote_access;

TEST_CASE("Of RUST_LOG the level is taken that names this program, else the one that names none") {
    const struct {
        const char* filter;
        const char* level;  // "": none
    } cases[] = {
        {"", ""},
        {"debug", "debug"},
        {"DEBUG", "debug"},
        {"loud", ""},
        {"off", ""},
        {"info,c8y_remote_access_connect=trace", "trace"},
        {"c8y_remote_access_connect=trace,info", "trace"},
        {"c8y_remote_access_plugin=debug", "debug"},
        {"c8y_remote_access_plugin=debug,c8y_remote_access_connect=warn", "warn"},
        {"c8y_remote_access_connect=loud,c8y_remote_access_plugin=debug,warn", "debug"},
        {"tedge_mapper=trace", ""},
        {"tedge_mapper=trace,warn", "warn"},
        {"rumqttc[span]=trace,hyper::client=debug,error", "error"},
        {"info,debug", "debug"},
        {",,=,a=,=debug,", ""},
        {"c8y_remote_access_connect", ""},
    };
    for (const auto& row : cases) {
        CAPTURE(row.filter);
        const auto level = log::level_from_filter(row.filter);
        CHECK((level ? log::level_name(*level) : "") == row.level);
    }
}

namespace {

/// A log daemon: its socket is there, and what it has taken is counted.
struct Daemon {
    char folder[32] = "/tmp/log-test-XXXXXX";
    std::string path;
    Fd socket;

    Daemon() {
        path = std::string(::mkdtemp(folder)) + "/log";
        listen();
    }
    ~Daemon() {
        ::unlink(path.c_str());
        ::rmdir(folder);
    }
    void listen() {
        ::unlink(path.c_str());
        socket = Fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    }
    std::vector<std::string> take() const {
        std::vector<std::string> lines;
        char buffer[4096];
        for (ssize_t size = 0; (size = ::recv(socket.get(), buffer, sizeof buffer, 0)) >= 0;) {
            const std::string line(buffer, static_cast<std::size_t>(size));
            lines.push_back(line.substr(line.find("]: ") + 3));
        }
        return lines;
    }
};

}  // namespace

TEST_CASE("lines that a full log does not take are counted, and told once when it goes on") {
    const Daemon daemon;
    int descriptor = -1;
    const log::Sink sink = log::system_log(daemon.path, descriptor);
    REQUIRE(descriptor >= 0);
    constexpr std::size_t kWritten = 5000;  // more than any queue holds (net.unix.max_dgram_qlen)
    for (std::size_t i = 0; i < kWritten; ++i) sink(log::Level::kInfo, "early");
    const std::size_t taken = daemon.take().size();
    REQUIRE(taken < kWritten);
    sink(log::Level::kInfo, "late");
    sink(log::Level::kInfo, "later");
    const std::vector<std::string> rest{
        std::to_string(kWritten - taken) + " line(s) of this log are lost: it was full or away",
        "late", "later"};
    CHECK(daemon.take() == rest);
}

TEST_CASE("a log daemon that was started again gets the lines that follow") {
    Daemon daemon;
    int descriptor = -1;
    const log::Sink sink = log::system_log(daemon.path, descriptor);
    daemon.socket.reset();
    sink(log::Level::kInfo, "nobody there");
    daemon.listen();
    sink(log::Level::kInfo, "again");
    const std::vector<std::string> rest{"1 line(s) of this log are lost: it was full or away",
                                        "again"};
    CHECK(daemon.take() == rest);
}
