// SPDX-License-Identifier: Apache-2.0
// Which of the two operation files belongs on this device, and its text. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "config/config.hpp"

namespace remote_access {

std::string_view format_name(OperationFormat format);
std::optional<OperationFormat> format_from_name(std::string_view name);

/// The file's whole content: operations/c8y_RemoteAccessConnect, or its JSON twin.
std::string_view operation_text(OperationFormat format);

/// What decides, the strongest first.
struct FormatWishes {
    std::optional<OperationFormat> flag;     ///< --format
    std::optional<OperationFormat> setting;  ///< operation_format
    std::optional<OperationFormat> present;  ///< of our own file that is in place
};

struct FormatChoice {
    OperationFormat format = OperationFormat::kSmartRest;
    /// A run without --format, after another package put its own file there, decides otherwise.
    bool lasts = true;
};

FormatChoice choose_format(const FormatWishes& wishes);

}  // namespace remote_access
