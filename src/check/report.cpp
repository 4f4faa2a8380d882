// SPDX-License-Identifier: Apache-2.0
#include "check/report.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "base/error.hpp"

namespace remote_access {
namespace {

using Status = Step::Status;

constexpr std::size_t kStatusWidth = 9, kNameWidth = 16;
constexpr std::size_t kLongest = 1000;  // of a text; more is somebody's mischief
constexpr Milliseconds kSlow{1'000};    // from here on the time is worth a word
constexpr std::string_view kPlain = "\x1b[0m";

struct Look {
    std::string_view word, colour;
};

Look look_of(Status status) {
    constexpr std::array kLooks{Look{"ok", "\x1b[32m"}, Look{"warning", "\x1b[33m"},
                                Look{"problem", "\x1b[31m"}, Look{"skipped", "\x1b[2m"}};
    return kLooks.at(static_cast<std::size_t>(status));
}

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(text.size() + 1, width), ' ');
    return text;
}

std::string painted(std::string_view text, std::string_view paint, bool colour) {
    if (!colour) return std::string(text);
    return std::string(paint).append(text).append(kPlain);
}

std::size_t count(const std::vector<Step>& steps, Status status) {
    return static_cast<std::size_t>(std::count_if(
        steps.begin(), steps.end(), [status](const Step& step) { return step.status == status; }));
}

std::string counted(std::size_t number, const char* what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string seconds(Milliseconds span) {
    const auto tenths = span.count() / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

Step ok(std::string_view name, std::string text) {
    return {std::string(name), Status::kOk, std::move(text), {}};
}

Step warning(std::string_view name, std::string text, std::string cure) {
    return {std::string(name), Status::kWarning, std::move(text), std::move(cure)};
}

Step problem(std::string_view name, std::string text, std::string cure) {
    return {std::string(name), Status::kProblem, std::move(text), std::move(cure)};
}

Step skipped(std::string_view name, std::string_view needed) {
    return {std::string(name), Status::kSkipped, "needs " + std::string(needed), {}};
}

bool healthy(const std::vector<Step>& steps) { return count(steps, Status::kProblem) == 0; }

std::string step_text(const Step& step, bool colour) {
    const Look look = look_of(step.status);
    std::string line = painted(padded(std::string(look.word), kStatusWidth), look.colour, colour);
    line += padded(step.name, kNameWidth);
    line += printable(step.text, kLongest);
    if (step.took >= kSlow) line += " (" + seconds(step.took) + ")";
    line += '\n';
    if (!step.cure.empty())
        line += std::string(kStatusWidth + kNameWidth, ' ') +
                "cure: " + printable(step.cure, kLongest) + '\n';
    return line;
}

std::string verdict_text(const std::vector<Step>& steps, bool colour) {
    const std::size_t problems = count(steps, Status::kProblem);
    const std::size_t warnings = count(steps, Status::kWarning);
    const Status worst =
        problems > 0 ? Status::kProblem : (warnings > 0 ? Status::kWarning : Status::kOk);
    std::string text = problems == 0 ? "A session can be served"
                                     : counted(problems, "problem") + ": no session can be served";
    if (warnings > 0) text += "; " + counted(warnings, "warning");
    return "\n" + painted(text + ".", look_of(worst).colour, colour) + "\n";
}

json::Value report_json(const std::vector<Step>& steps) {
    json::Array list;
    for (const Step& step : steps) {
        list.emplace_back(json::Object{{"name", step.name},
                                       {"status", look_of(step.status).word},
                                       {"text", printable(step.text, kLongest)},
                                       {"cure", printable(step.cure, kLongest)},
                                       {"took_ms", static_cast<std::int64_t>(step.took.count())}});
    }
    return json::Object{{"ok", healthy(steps)}, {"steps", std::move(list)}};
}

}  // namespace remote_access
