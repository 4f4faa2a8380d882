// SPDX-License-Identifier: Apache-2.0
#include "session/messages.hpp"

#include <doctest/doctest.h>

using namespace remote_access;
namespace m = remote_access::message;

namespace {

template <class T>
T through(T message) {
    Result<m::Message> decoded = m::decode(m::encode(m::Message(std::move(message))));
    REQUIRE(decoded.ok());
    REQUIRE(std::holds_alternative<T>(*decoded));
    return std::get<T>(std::move(*decoded));
}

}  // namespace

TEST_CASE("an order arrives as it was sent") {
    m::Order order;
    order.operation.id = "42";
    order.host = "::1";
    order.port = 65535;
    order.key = Secret("a-key");
    order.source.config_dir = "/etc/other \"folder\"";
    order.source.profile = "second";
    order.source.tedge_env = {{"TEDGE_C8Y_URL", "x"}, {"TEDGE_RUN_PATH", ""}};
    order.log_level = log::Level::kTrace;
    const m::Order back = through(std::move(order));
    CHECK(back.operation.id == "42");
    CHECK(back.host == "::1");
    CHECK(back.port == 65535);
    CHECK(back.key.reveal() == "a-key");
    CHECK(back.source.config_dir == "/etc/other \"folder\"");
    CHECK(back.source.profile == "second");
    CHECK(back.source.tedge_env.at("TEDGE_C8Y_URL") == "x");
    CHECK(back.source.tedge_env.size() == 2);
    CHECK(back.log_level == log::Level::kTrace);
}

TEST_CASE("every other message arrives as it was sent") {
    CHECK(through(m::Token{Secret("jwt")}).jwt.reveal() == "jwt");
    CHECK(through(m::NoToken{{Fault::kBroker, "s", "d"}}).error.subject == "s");
    CHECK(through(m::Published{m::Published::State::kFailed}).state ==
          m::Published::State::kFailed);
    CHECK(through(m::Stop{1001, "bye"}).text == "bye");
    const m::NeedCloud need = through(m::NeedCloud{{Fault::kCloudStatus, "c", "503"}, true});
    CHECK(need.cause.fault == Fault::kCloudStatus);
    CHECK(need.fresh_token);
    const m::Ended ended = through(m::Ended{m::Ended::By::kCloud, 1006, "gone", 9, true});
    CHECK(ended.by == m::Ended::By::kCloud);
    CHECK(ended.code == 1006);
    CHECK(ended.target_lacks == 9);
    CHECK(ended.cloud_lacks);
    CHECK(through(m::Log{log::Level::kWarn, "line"}).level == log::Level::kWarn);
    CHECK(through(m::Failed{{Fault::kPolicy, "t", "no"}}).error.fault == Fault::kPolicy);
    through(m::Seated{});
    through(m::Duplicate{});
    through(m::Cloud{});
    through(m::Target{});
    through(m::NeedToken{});
    through(m::Connected{});
    through(m::Passed{});
    through(m::Check{});
}

TEST_CASE("what is no message of ours is an error and nothing more") {
    for (const char* text :
         {"", "{}", "[]", "null", "{\"type\":\"unknown\"}", "{\"type\":7}", "{\"type\":\"order\"",
          "{\"type\":\"stop\",\"code\":70000}", "{\"type\":\"stop\",\"code\":-1}",
          "{\"type\":\"ended\",\"by\":\"nobody\"}", "{\"type\":\"published\",\"state\":\"maybe\"}",
          "{\"type\":\"order\"}", "{\"type\":\"order\",\"port\":99999}", "\xff\xfe"}) {
        CAPTURE(text);
        CHECK_FALSE(m::decode(text).ok());
    }
}
