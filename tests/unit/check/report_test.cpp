// SPDX-License-Identifier: Apache-2.0
#include "check/report.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace remote_access;

namespace {

Step slow(Step step, int milliseconds) {
    step.took = Milliseconds(milliseconds);
    return step;
}

}  // namespace

TEST_CASE("each status has its line, and what is not ok its cure below") {
    CHECK(step_text(ok("broker", "127.0.0.1:1883"), false) ==
          "ok       broker          127.0.0.1:1883\n");
    CHECK(step_text(warning("socket", "there is none", "Make one."), false) ==
          "warning  socket          there is none\n"
          "                         cure: Make one.\n");
    CHECK(step_text(problem("dns", "no such host", "Check it."), false) ==
          "problem  dns             no such host\n"
          "                         cure: Check it.\n");
    CHECK(step_text(skipped("tcp", "dns"), false) == "skipped  tcp             needs dns\n");
}

TEST_CASE("a long name keeps its distance, and a long time is told") {
    CHECK(step_text(ok("a-very-long-name", "x"), false) == "ok       a-very-long-name x\n");
    CHECK(step_text(slow(ok("login", "x"), 999), false) == "ok       login           x\n");
    CHECK(step_text(slow(ok("login", "x"), 2'340), false) ==
          "ok       login           x (2.3 s)\n");
}

TEST_CASE("only the status is coloured, and only when asked") {
    CHECK(step_text(ok("tls", "x"), true) == "\x1b[32mok       \x1b[0mtls             x\n");
    CHECK(step_text(problem("tls", "x", ""), true).find("\x1b[31mproblem") == 0);
    CHECK(step_text(warning("tls", "x", ""), true).find("\x1b[33mwarning") == 0);
}

TEST_CASE("what another side has said cannot steer the terminal") {
    const std::string hostile = "cloud says \x1b[2J\r\nok  all is well \xff";
    for (const bool colour : {true, false}) {
        const std::string line = step_text(problem("upgrade", hostile, hostile), colour);
        CHECK(line.find("\x1b[2J") == std::string::npos);
        CHECK(line.find('\r') == std::string::npos);
        CHECK(std::count(line.begin(), line.end(), '\n') == 2);
    }
    const json::Value report = report_json({problem("upgrade", hostile, hostile)});
    CHECK(json::write(report).find("u001b") == std::string::npos);
    CHECK(json::parse(json::write(report)).ok());
}

TEST_CASE("a warning leaves a device healthy, a problem does not") {
    const Step fine = ok("a", ""), warned = warning("b", "", ""), bad = problem("c", "", "");
    CHECK(healthy({}));
    CHECK(healthy({fine, warned, skipped("d", "a")}));
    CHECK_FALSE(healthy({fine, bad, warned}));
    CHECK(verdict_text({fine}, false) == "\nA session can be served.\n");
    CHECK(verdict_text({fine, warned}, false) == "\nA session can be served; 1 warning.\n");
    CHECK(verdict_text({bad, bad, warned, warned}, false) ==
          "\n2 problems: no session can be served; 2 warnings.\n");
}

TEST_CASE("a target that cannot be reached says nothing of others") {
    const Step target = problem("target", "", ""), other = problem("dns", "", "");
    CHECK(verdict_text({target}, false) ==
          "\n1 problem: no session to this target can be served.\n");
    CHECK(verdict_text({other, target}, false) == "\n2 problems: no session can be served.\n");
}

TEST_CASE("what is wider than the terminal is folded below where it begins") {
    const Step step = problem("tls", "one two three four five six", "Do this and that and more.");
    CHECK(step_text(step, false, 45) ==
          "problem  tls             one two three four\n"
          "                         five six\n"
          "                         cure: Do this and\n"
          "                         that and more.\n");
    CHECK(step_text(ok("tls", "a/path/that/is/one/word/only and more"), false, 45) ==
          "ok       tls             a/path/that/is/one/word/only\n"
          "                         and more\n");
    CHECK(step_text(ok("tls", "x/that/is/one/word/only/of/thirty"), false, 45) ==
          step_text(ok("tls", "x/that/is/one/word/only/of/thirty"), false));
    CHECK(step_text(step, false, 30) == step_text(step, false));  // too narrow to help
}

TEST_CASE("a program gets every step with every member") {
    const json::Value report =
        report_json({slow(ok("broker", "127.0.0.1:1883"), 12), skipped("dns", "settings")});
    CHECK(json::write(report) == R"({"ok":true,"steps":[{"cure":"","name":"broker","status":"ok",)"
                                 R"("text":"127.0.0.1:1883","took_ms":12},{"cure":"","name":"dns",)"
                                 R"("status":"skipped","text":"needs settings","took_ms":0}]})");
    CHECK_FALSE(report_json({problem("a", "", "")}).flag_at("ok"));
}
