// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.hpp"

#include <doctest/doctest.h>

#include <string>

namespace remote_access {
namespace {

struct Row {
    std::string text;
    int bad;  // -1: valid
};

const Row kRows[] = {
    {"", -1},
    {"ascii\x7F", -1},
    {"\xC2\x80 \xDF\xBF", -1},
    {"\xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF", -1},
    {"\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF", -1},
    {"a\x80", 1},
    {"a\xBF", 1},
    {"\xC0\x80", 0},
    {"\xC1\xBF", 0},
    {"\xE0\x9F\xBF", 0},
    {"\xF0\x8F\xBF\xBF", 0},
    {"\xED\xA0\x80", 0},
    {"\xED\xBF\xBF", 0},
    {"\xF4\x90\x80\x80", 0},
    {"\xF5\x80\x80\x80", 0},
    {"ab\xFF", 2},
    {"ab\xC3", 2},
    {"ab\xE2\x82", 2},
    {"ab\xF0\x9F\x98", 2},
    {"\xC3\xA9\xC3(", 2},
    {"\xE2\x82(", 0},
};

TEST_CASE("UTF-8 is told from what only looks like it") {
    for (const Row& row : kRows) {
        CAPTURE(row.text);
        const auto bad = invalid_utf8_at(row.text);
        CHECK((bad ? static_cast<int>(*bad) : -1) == row.bad);
    }
}

}  // namespace
}  // namespace remote_access
