// SPDX-License-Identifier: Apache-2.0
#include "session/channel.hpp"

#include <doctest/doctest.h>

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <memory>

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

TEST_CASE("a process that never stops talking does not keep the loop from its other work") {
    asio::io_context io;
    auto ends = channel_pair();
    REQUIRE(ends.ok());
    const auto listener = std::make_shared<Channel>(io, std::move(ends->first));
    const Fd talker = std::move(ends->second);
    const auto talk = [&talker] { CHECK(send_message(talker.get(), message::Passed{}).ok()); };
    int heard = 0;
    constexpr int kForEver = 1000;
    listener->start(
        [&](const Received&) {
            if (heard == 0) asio::post(io, [&listener] { listener->close(); });
            if (++heard < kForEver) talk();
        },
        [] {});
    talk();
    io.run();
    CHECK(heard < kForEver);
}
