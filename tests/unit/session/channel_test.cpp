// SPDX-License-Identifier: Apache-2.0
#include "session/channel.hpp"

#include <doctest/doctest.h>

#include <asio/steady_timer.hpp>
#include <atomic>
#include <thread>

using namespace remote_access;

TEST_CASE("the last words of a process arrive, also when it ends with ours unread") {
    auto ends = channel_pair();
    REQUIRE(ends.ok());
    auto& [session, plugin] = *ends;
    REQUIRE(send_message(session.get(), message::Connected{}).ok());
    using State = message::Published::State;
    REQUIRE(send_message(plugin.get(), message::Published{State::kFailed}).ok());
    plugin.reset();  // the kernel tells a reset first, then the words, then the end
    Result<std::optional<Received>> received = receive_message(session.get());
    REQUIRE(received.ok());
    REQUIRE(received->has_value());
    const auto* published = std::get_if<message::Published>(&(*received)->message);
    REQUIRE(published != nullptr);
    CHECK(published->state == State::kFailed);
    CHECK_FALSE(receive_message(session.get()).ok());
}

TEST_CASE("a process that is there and says nothing is no error") {
    const auto ends = channel_pair();
    REQUIRE(ends.ok());
    const Result<std::optional<Received>> received = receive_message(ends->first.get());
    REQUIRE(received.ok());
    CHECK_FALSE(received->has_value());
}

TEST_CASE("a peer that never stops talking does not keep the loop from its timers") {
    auto ends = channel_pair();
    REQUIRE(ends.ok());
    std::atomic<bool> enough{false};
    std::thread talker([&enough, socket = ends->first.get()] {
        const Deadline deadline = Deadline::in(Milliseconds(3'000));
        while (!enough && !deadline.over())
            (void)send_message(socket, message::Log{log::Level::kInfo, "again"});
    });
    asio::io_context io;
    const auto channel = std::make_shared<Channel>(io, std::move(ends->second));
    channel->start([](const Received&) { std::this_thread::sleep_for(Milliseconds(1)); },
                   [] { FAIL("the talker is there"); });
    asio::steady_timer timer(io, Milliseconds(50));
    const Clock::time_point started = Clock::now();
    timer.async_wait([&](const asio::error_code&) {
        enough = true;
        channel->close();
    });
    io.run();
    talker.join();
    CHECK(Clock::now() - started < Milliseconds(2'000));
}
