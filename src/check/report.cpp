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

bool has_problem(const std::vector<Step>& steps, std::string_view name) {
    return std::any_of(steps.begin(), steps.end(), [name](const Step& step) {
        return step.name == name && step.status == Status::kProblem;
    });
}

std::string counted(std::size_t number, const char* what) {
    return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string seconds(Milliseconds span) {
    const auto tenths = span.count() / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

/// Folded at blanks, below where it begins.
std::string folded(std::string text, std::size_t begin, std::size_t width) {
    constexpr std::size_t kNarrowest = 20;
    if (width < begin + kNarrowest) return text;
    std::size_t line = 0;
    while (text.size() - line > width - begin) {
        std::size_t blank = text.rfind(' ', line + width - begin);
        if (blank == std::string::npos || blank <= line) blank = text.find(' ', line + 1);
        if (blank == std::string::npos) break;  // a word of its own line, however long
        text.replace(blank, 1, "\n" + std::string(begin, ' '));
        line = blank + 1 + begin;
    }
    return text;
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

std::string step_text(const Step& step, bool colour, std::size_t width) {
    constexpr std::size_t kBegin = kStatusWidth + kNameWidth;
    const Look look = look_of(step.status);
    std::string lines = painted(padded(std::string(look.word), kStatusWidth), look.colour, colour);
    lines += padded(step.name, kNameWidth);
    std::string text = printable(step.text, kLongest);
    if (step.took >= kSlow) text += " (" + seconds(step.took) + ")";
    lines += folded(std::move(text), kBegin, width) + '\n';
    if (!step.cure.empty())
        lines += std::string(kBegin, ' ') +
                 folded("cure: " + printable(step.cure, kLongest), kBegin, width) + '\n';
    return lines;
}

std::string verdict_text(const std::vector<Step>& steps, bool colour) {
    const std::size_t problems = count(steps, Status::kProblem);
    const std::size_t warnings = count(steps, Status::kWarning);
    const Status worst =
        problems > 0 ? Status::kProblem : (warnings > 0 ? Status::kWarning : Status::kOk);
    const bool target_only = problems == 1 && has_problem(steps, "target");
    std::string text = problems == 0 ? "A session can be served"
                                     : counted(problems, "problem") + ": no session " +
                                           (target_only ? "to this target " : "") + "can be served";
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
