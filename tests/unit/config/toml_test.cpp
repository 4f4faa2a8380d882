// SPDX-License-Identifier: Apache-2.0
#include "config/toml.hpp"

#include <doctest/doctest.h>

using namespace remote_access;

namespace {

std::string times(std::size_t count, const std::string& text) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
}

}  // namespace

TEST_CASE("A key of endless parts is an error, not the end of the process") {
    const std::string long_key = "a" + times(100'000, ".a");
    for (const std::string& document : {
             long_key + " = 1",
             "x = 1\n[" + long_key + "]",
             "x = 1\n[[" + long_key + "]]",
             "x = \"'\"\n" + long_key + " = 1",
             "x = {" + long_key + " = 1}",
             "x = [{a = \"\"\"\n'\"\"\"}, {" + long_key + " = 1}]",
             "x = [{a = \"\"\"\n'\"\"\"\"\"}, {" + long_key + " = 1}]",
             "x = '''\n\"''' # \"\n" + long_key + " = 1",
             "x = \"\\\"\"\n" + long_key + " = 1",
             "x = \"\\\\\"\n" + long_key + " = 1",
             "x = ''\n" + long_key + " = 1",
             "'a'" + times(100'000, " . 'a'") + " = 1",
             times(60, "[{" + times(40, "a.") + "a = "),
         }) {
        CAPTURE(document.substr(0, 40));
        const Result<TomlNode> root = parse_toml(document);
        REQUIRE_FALSE(root);
        CHECK(root.error().fault == Fault::kSettings);
        CHECK(root.error().detail == "has a key of more than 32 parts");
    }
    CHECK(parse_toml("\n\n" + long_key).error().subject == "3");
}

TEST_CASE("Dots elsewhere than in a key are not counted") {
    const std::string dots = times(100, ".a");
    for (const std::string& document : {
             "a" + times(31, ".a") + " = 1",
             "a = '" + dots + "'",
             "a = \"\\\"" + dots + "\"",
             "a = \"\"\"\n\"" + dots + "\"\"\"",
             "a = '''\n'" + dots + "'''",
             "# " + dots + "\na = 1",
             "a = [" + times(100, "1.5, ") + "]",
             "[a." + times(20, "a.") + "a]\n" + times(20, "a.") + "a = 1",
         }) {
        CAPTURE(document.substr(0, 40));
        CHECK(parse_toml(document));
    }
}
