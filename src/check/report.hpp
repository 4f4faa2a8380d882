// SPDX-License-Identifier: Apache-2.0
// What the doctor has found, as values, and how a reader and a program get to see it. Pure. A step
// that is not ok carries one sentence of cure; what a session can live without is a warning.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/time.hpp"

namespace remote_access {

struct Step {
    enum class Status { kOk, kWarning, kProblem, kSkipped };
    std::string name;
    Status status = Status::kOk;
    std::string text;
    std::string cure;  ///< of what is not ok; of a skipped step the step that it needs has it
    Milliseconds took{0};
};

Step ok(std::string_view name, std::string text);
Step warning(std::string_view name, std::string text, std::string cure);
Step problem(std::string_view name, std::string text, std::string cure);
/// It could not be asked, because the step `needed` is a problem or skipped itself.
Step skipped(std::string_view name, std::string_view needed);

/// No problem among them: a session can be served.
bool healthy(const std::vector<Step>& steps);

/// A line, and a second one with the cure; both are folded where they are wider than `width`
/// columns (0: never). Whatever is in them cannot steer a terminal.
std::string step_text(const Step& step, bool colour, std::size_t width = 0);
/// What stands below the steps.
std::string verdict_text(const std::vector<Step>& steps, bool colour);
/// {"ok": …, "steps": [{"name", "status", "text", "cure", "took_ms"}]}
json::Value report_json(const std::vector<Step>& steps);

}  // namespace remote_access
