// SPDX-License-Identifier: Apache-2.0
#include "setup/format.hpp"

namespace remote_access {

std::string_view format_name(OperationFormat format) {
    return format == OperationFormat::kJson ? "json" : "smartrest";
}

std::optional<OperationFormat> format_from_name(std::string_view name) {
    for (const OperationFormat one : {OperationFormat::kSmartRest, OperationFormat::kJson}) {
        if (format_name(one) == name) return one;
    }
    return std::nullopt;
}

FormatChoice choose_format(const FormatWishes& wishes) {
    constexpr OperationFormat kDefault = OperationFormat::kSmartRest;
    if (!wishes.flag) return {wishes.setting.value_or(wishes.present.value_or(kDefault)), true};
    return {*wishes.flag, *wishes.flag == wishes.setting.value_or(kDefault)};
}

}  // namespace remote_access
