// SPDX-License-Identifier: Apache-2.0
#include "setup/format.hpp"

#include <doctest/doctest.h>

using namespace remote_access;

TEST_CASE("The flag is stronger than the setting, and that is stronger than our file in place") {
    constexpr auto kRest = OperationFormat::kSmartRest, kJson = OperationFormat::kJson;
    constexpr std::optional<OperationFormat> kNone;
    const struct {
        std::optional<OperationFormat> flag, setting, present;
        OperationFormat format;
        bool lasts;
    } cases[] = {
        {kNone, kNone, kNone, kRest, true},  {kNone, kNone, kJson, kJson, true},
        {kNone, kNone, kRest, kRest, true},  {kNone, kRest, kJson, kRest, true},
        {kNone, kJson, kRest, kJson, true},  {kRest, kNone, kNone, kRest, true},
        {kRest, kNone, kJson, kRest, true},  {kRest, kJson, kJson, kRest, false},
        {kJson, kNone, kNone, kJson, false}, {kJson, kNone, kJson, kJson, false},
        {kJson, kRest, kJson, kJson, false}, {kJson, kJson, kRest, kJson, true},
    };
    for (const auto& one : cases) {
        CAPTURE(&one - cases);
        const FormatChoice choice = choose_format({one.flag, one.setting, one.present});
        CHECK(choice.format == one.format);
        CHECK(choice.lasts == one.lasts);
    }
}

TEST_CASE("A format has one name, and a text that hands over operations in its form") {
    for (const auto format : {OperationFormat::kSmartRest, OperationFormat::kJson})
        CHECK(format_from_name(format_name(format)) == format);
    CHECK_FALSE(format_from_name("").has_value());
    CHECK_FALSE(format_from_name("JSON").has_value());
    CHECK(operation_text(OperationFormat::kSmartRest).find("on_message = \"530\"\n") !=
          std::string_view::npos);
    CHECK(operation_text(OperationFormat::kJson).find("${.payload}\"\n") != std::string_view::npos);
}
