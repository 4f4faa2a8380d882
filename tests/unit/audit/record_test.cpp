// SPDX-License-Identifier: Apache-2.0
#include "audit/record.hpp"

#include <doctest/doctest.h>

using namespace remote_access;

TEST_CASE("the three sentences say what was asked, what stood, and who ended it") {
    ConnectRequest request;
    request.host = "printer";
    request.port = 22;
    CHECK(asked_line(request) == "asked: printer:22");
    request.operation.id = "7";
    CHECK(asked_line(request) == "asked: operation 7 to printer:22");

    SessionRecord record;
    record.target = "printer:22";
    record.address = "192.168.1.9";
    record.rule = "local-network (built in)";
    record.cloud = "tenant.example:443";
    record.setup = Milliseconds(85);
    record.lasted = Milliseconds(12'340);
    record.to_cloud = 10;
    record.to_target = 20;
    CHECK(established_line(record) ==
          "established: printer:22 (192.168.1.9, local-network (built in)) with "
          "tenant.example:443 after 85 ms");
    CHECK(ended_line(record) ==
          "ended by the death of its forwarder: 10 bytes to the cloud, 20 bytes to the target, "
          "12.3 s");
    record.death = "signal 31";
    CHECK(ended_line(record).find("ended by the death of its forwarder (signal 31): ") == 0);
    record.ended = message::Ended{message::Ended::By::kTarget, 1000, ""};
    CHECK(ended_line(record).find("ended by the target (close code 1000): ") == 0);
    record.ended = message::Ended{message::Ended::By::kCloud, 1001, "operator left"};
    CHECK(ended_line(record).find("ended by the cloud (close code 1001, operator left): ") == 0);
    CHECK(undelivered(record).empty());
    record.ended->target_lacks = 4096;
    CHECK(ended_line(record).find(
              " 12.3 s; 4096 bytes more for the target not taken in time (limits.drain)") !=
          std::string::npos);
    record.ended->cloud_lacks = true;
    CHECK(undelivered(record) ==
          "4096 bytes more for the target and the last of those to the cloud not taken in time "
          "(limits.drain)");
    record.our_reason = "limits.idle reached";
    CHECK(ended_line(record).find("ended by this device (limits.idle reached): ") == 0);
}
