// SPDX-License-Identifier: Apache-2.0
#include "session/session_list.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

using namespace remote_access;

namespace {

LiveSession session() {
    LiveSession one;
    one.id = "1f3a9c20";
    one.operation.id = "522562";
    one.target = "[fd00::17]:22";
    one.since = "2026-11-24T03:00:00.000Z";
    one.established = true;
    one.to_cloud = 1536;
    return one;
}

std::size_t widest_line(const std::string& text) {
    std::istringstream lines(text);
    std::size_t widest = 0;
    for (std::string line; std::getline(lines, line);) widest = std::max(widest, line.size());
    return widest;
}

}  // namespace

TEST_CASE("whatever a forwarder says of its last payload is a time that has passed") {
    LiveSession one = session();
    one.last_activity = Milliseconds::max();
    CHECK(sessions_text({one}, Clock::now(), 80).find("last payload 0s ago") != std::string::npos);
    one.last_activity = Milliseconds::min();
    CHECK(sessions_text({one}, Clock::time_point(std::chrono::seconds(7)), 80)
              .find("last payload 7s ago") != std::string::npos);
}

TEST_CASE("where the table is too wide each session has three lines") {
    const std::string table = sessions_text({session()}, Clock::now());
    CHECK(widest_line(table) > 80);
    CHECK(sessions_text({session()}, Clock::now(), widest_line(table)) == table);
    CHECK(sessions_text({session()}, Clock::now(), 80) ==
          "1f3a9c20  established  [fd00::17]:22\n"
          "  since 2026-11-24T03:00:00Z, operation 522562, last payload -\n"
          "  to cloud 1.5 KiB (0 B/s), to target 0 B (0 B/s)\n");
    CHECK(sessions_text({}, Clock::now(), 80) == "No session.\n");
}
