// SPDX-License-Identifier: Apache-2.0
#include "mqtt/letter_box.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <thread>

#include "mqtt/connection.hpp"

using namespace remote_access;

TEST_CASE("what is posted comes in the loop, until the letter box is closed") {
    asio::io_context io;
    LetterBox box(io);
    int came = 0;
    box.post([&came] { ++came; });
    CHECK(came == 0);
    io.run();
    CHECK(came == 1);
    box.close();
    box.post([&came] { ++came; });
    io.restart();
    io.run();
    CHECK(came == 1);
}

// Under AddressSanitizer and ThreadSanitizer this is what tells a freed loop.
TEST_CASE("a thread that goes on posting does not touch a loop that is gone") {
    for (int round = 0; round < 50; ++round) {
        auto io = std::make_unique<asio::io_context>();
        const auto box = std::make_shared<LetterBox>(*io);
        std::atomic<bool> posting{false}, done{false};
        std::thread paho([box, &posting, &done] {
            while (!done) {
                box->post([] {});
                posting = true;
            }
        });
        while (!posting) std::this_thread::yield();
        box->close();
        io.reset();
        done = true;
        paho.join();
    }
}

namespace {

/// Paho tells of the refusal from its thread, well within the wait.
void outlive_a_connection(bool stopped) {
    BrokerConfig nobody;
    nobody.address = {"127.0.0.1", 1};
    auto io = std::make_unique<asio::io_context>();
    auto connection = std::make_shared<MqttConnection>(*io, nobody);
    connection->start({});
    if (stopped) connection->stop(Milliseconds(0));
    connection.reset();
    io.reset();
    std::this_thread::sleep_for(Milliseconds(300));
}

}  // namespace

TEST_CASE("a stopped or destroyed connection takes no word of Paho's into its loop") {
    for (const bool stopped : {true, false}) {
        CAPTURE(stopped);
        // In a process of its own: Paho's threads stay, and other tests send signals and fork.
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::alarm(10);
            outlive_a_connection(stopped);
            ::_exit(0);
        }
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
}
