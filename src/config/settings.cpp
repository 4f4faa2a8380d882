// SPDX-License-Identifier: Apache-2.0
#include "config/settings.hpp"

#include <utility>

#include "config/environment.hpp"
#include "config/files.hpp"

namespace remote_access {

void Settings::fail(Error reason) {
    if (!error) error = std::move(reason);
}

void Settings::fail(const Setting& setting, std::string_view what) {
    std::string detail;
    if (!setting.key.empty()) detail.append("key `").append(setting.key).append("`: ");
    fail({Fault::kSettings, setting.subject, detail.append(what)});
}

const Setting* Settings::find(std::string_view name) const {
    const auto found = values.find(name);
    return found == values.end() ? nullptr : &found->second;
}

std::string Settings::text(std::string_view name, std::string_view otherwise) const {
    const Setting* setting = find(name);
    return std::string(setting ? setting->text.reveal() : otherwise);
}

Settings read_settings(const ConfigSource& source) {
    Settings settings;
    apply_files(source, settings);
    apply_environment(source, settings);
    return settings;
}

}  // namespace remote_access
