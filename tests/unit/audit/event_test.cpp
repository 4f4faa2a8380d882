// SPDX-License-Identifier: Apache-2.0
#include "audit/event.hpp"

#include <doctest/doctest.h>

#include "base/json.hpp"

using namespace remote_access;

namespace {

const auto kEnd = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'000'012'340));

SessionRecord a_record() {
    SessionRecord record;
    record.session = "ab12";
    record.target = "printer:22";
    record.address = "192.168.1.9";
    record.rule = "local-network (built in)";
    record.cloud = "tenant.example:443";
    record.lasted = Milliseconds(12'340);
    record.to_cloud = 5'000'000'000;
    record.to_target = 20;
    record.ended = message::Ended{message::Ended::By::kCloud, 1000, "bye \"now\"\n"};
    return record;
}

}  // namespace

TEST_CASE("the event of a session has text, time and the whole record") {
    Config config;
    SessionRecord record = a_record();
    const AuditEvent event = session_event(config, record, kEnd);
    CHECK(event.topic == "te/device/main///e/remote_access_session");
    const Result<json::Value> parsed = json::parse(event.payload);
    REQUIRE(parsed.ok());
    CHECK(parsed->text_at("text") ==
          "Remote access to printer:22 ended by the cloud (close code 1000, bye \"now\")");
    CHECK(parsed->text_at("time") == "1970-01-12T13:46:52.340Z");
    const json::Value* const said = parsed->find("remoteAccess");
    REQUIRE(said != nullptr);
    CHECK(said->text_at("start") == "1970-01-12T13:46:40.000Z");
    CHECK(said->text_at("end") == "1970-01-12T13:46:52.340Z");
    CHECK(*said->find("duration")->number() == doctest::Approx(12.34));
    CHECK(said->integer_at("bytesToCloud") == 5'000'000'000);
    CHECK(said->integer_at("bytesToTarget") == 20);
    CHECK(said->text_at("session") == "ab12");
    CHECK(said->find("operation") == nullptr);
    record.operation.id = "77";
    CHECK(session_event(config, record, kEnd).payload.find(R"("operation":"77")") !=
          std::string::npos);
}

TEST_CASE("the event of a refusal names the rule's class and its reason, on the device's topic") {
    Config config;
    config.topic_root = "edge";
    config.device_topic_id = "factory/line/one/plc";
    OperationId operation;
    operation.id = "5";
    const Error error{Fault::kPolicy, "10.0.0.1:22", "no [[allow]] rule covers it"};
    const AuditEvent event = refusal_event(config, operation, "10.0.0.1:22", error, kEnd);
    CHECK(event.topic == "edge/factory/line/one/plc/e/remote_access_refused");
    const Result<json::Value> parsed = json::parse(event.payload);
    REQUIRE(parsed.ok());
    CHECK(parsed->find("remoteAccess")->text_at("refusedBy") == "policy");
    CHECK(parsed->find("remoteAccess")->text_at("reason") == reason(error));
    CHECK(parsed->find("remoteAccess")->text_at("operation") == "5");
}

TEST_CASE("refusals are decisions about the request, no faults") {
    for (const Fault fault :
         {Fault::kDisabled, Fault::kPolicy, Fault::kApproval, Fault::kSessionLimit})
        CHECK(is_refusal(fault));
    for (const Fault fault : {Fault::kTargetRefused, Fault::kSettings, Fault::kCloudStatus})
        CHECK_FALSE(is_refusal(fault));
}
