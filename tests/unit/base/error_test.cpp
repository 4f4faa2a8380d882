// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>

namespace remote_access {
namespace {

constexpr int kLastFault = static_cast<int>(Fault::kSystem);  // the last in the enumeration

TEST_CASE("every fault has a name of its own, which leads back to it") {
    std::set<std::string_view> names;
    for (int number = 0; number <= kLastFault; ++number) {
        CAPTURE(number);
        const Fault fault = static_cast<Fault>(number);
        CHECK(fault_from_name(fault_name(fault)) == fault);
        CHECK(names.insert(fault_name(fault)).second);
    }
    CHECK_FALSE(fault_from_name("").has_value());
    CHECK_FALSE(fault_from_name("Policy").has_value());
}

TEST_CASE("every reason is one line within the limit and ends with its cure, whatever the parts") {
    const std::string huge(100'000, 'x');
    const std::string foreign =
        "\xF0\x9F\x98\x80\r\n\t\"{s}{d}\x7F\x01" + std::string(9000, '\xFF');
    for (int number = 0; number <= kLastFault; ++number) {
        const Fault fault = static_cast<Fault>(number);
        CAPTURE(fault_name(fault));
        const std::string plain = reason({fault, "S", "D"});
        CHECK_FALSE(plain.empty());
        const std::string tail = plain.substr(std::max(plain.rfind('S') + 1, plain.rfind('D') + 1));
        for (const std::string& part : {huge, foreign, std::string()}) {
            const std::string line = reason({fault, part, part});
            CHECK(line.size() <= kReasonLimit);
            CHECK(
                std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c < 0x7F; }));
        }
        const std::string longest = reason({fault, huge, huge});
        if (tail.size() <= longest.size())
            CHECK(longest.substr(longest.size() - tail.size()) == tail);
    }
}

TEST_CASE("a reason names the end that failed and what to do") {
    CHECK(reason({Fault::kTargetRefused, "127.0.0.1:22", ""}) ==
          "target 127.0.0.1:22: connection refused (is the service running?)");
    CHECK(reason({Fault::kDisabled, "/etc/x.toml", ""}) ==
          "remote access is switched off on this device (enabled = false in /etc/x.toml)");
    CHECK(reason({Fault::kPayload, "", "the payload is empty"}) ==
          "operation not understood: the payload is empty");
}

TEST_CASE("braces in a part are text") {
    CHECK(reason({Fault::kSystem, "no", "{s} {d}"}) == "device error: {s} {d}");
}

struct Printable {
    std::string text;
    std::size_t limit;
    const char* line;
};

const Printable kPrintable[] = {
    {"plain", 10, "plain"},
    {"", 10, ""},
    {"  a \r\n\t b  ", 10, "a b"},
    {"\n", 10, ""},
    {"caf\xC3\xA9!", 10, "caf?!"},
    {"\xF0\x9F\x98\x80", 10, "?"},
    {"a\x7F"
     "b",
     10, "a?b"},
    {std::string("a\0b", 3), 10, "a b"},
    {"\x1B[31mred", 20, "[31mred"},
    {"1234567890", 10, "1234567890"},
    {"12345678901", 10, "1234567..."},
    {"1234", 3, "..."},
    {"1234", 2, ".."},
    {"1234", 0, ""},
};

TEST_CASE("printable text is one ASCII line of at most the limit") {
    for (const Printable& row : kPrintable) {
        CAPTURE(row.text);
        CHECK(printable(row.text, row.limit) == row.line);
        CHECK(printable(row.text, row.limit).size() <= row.limit);
    }
}

TEST_CASE("an error of the system carries its words") {
    const Error error = system_error("open", ENOENT);
    CHECK(error.fault == Fault::kSystem);
    CHECK(error.detail == "open: No such file or directory");
}

}  // namespace
}  // namespace remote_access
