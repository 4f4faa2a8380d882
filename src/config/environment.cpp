// SPDX-License-Identifier: Apache-2.0
#include "config/environment.hpp"

#include <optional>
#include <string>
#include <utility>

#include "config/keys.hpp"
#include "config/toml.hpp"

namespace remote_access {
namespace {

constexpr std::string_view kStart = "TEDGE_";

// A value that begins like a TOML string is one, unless it does not end like one.
Secret unquoted(const std::string& value) {
    if (value.front() != '"' && value.front() != '[') return Secret(value);
    std::string document = "value = " + value;
    const auto root = parse_toml(document);
    wipe(document);
    const TomlNode* node = root ? root->find("value") : nullptr;
    if (!node || node->kind != TomlNode::Kind::kText) return Secret(value);
    return node->text.clone();
}

Secret text_of(const Key& key, const std::string& value) {
    if (key.form == Form::kPort || key.form == Form::kFlag)
        return Secret(value);  // a TOML string is neither
    // "password" is another word for it, here only (models/auth_method.rs, FromStr).
    if (key.form == Form::kAuthMethod && value == "password") return Secret("basic");
    return unquoted(value);
}

void apply(const std::string& name, const std::string& value, const Variable& variable,
           Settings& settings) {
    const std::string cloud(variable.key->name.substr(0, variable.key->name.find('.')));
    std::string full(variable.key->name);
    Setting setting{{}, name, {}};
    if (!variable.profile.empty()) {
        const auto profile = parse_profile(variable.profile);
        if (!profile) return settings.fail(setting, "has no valid profile name in it");
        full = cloud_key(cloud, *profile, full.substr(cloud.size() + 1));
        if (!value.empty()) settings.profiles[cloud].insert(*profile);
    }
    if (value.empty()) {
        settings.values.erase(full);
        return;
    }
    setting.text = text_of(*variable.key, value);
    const std::string_view wrong = complaint(variable.key->form, setting.text.reveal());
    if (!wrong.empty()) return settings.fail(setting, wrong);
    settings.values.insert_or_assign(full, std::move(setting));
}

}  // namespace

void apply_environment(const ConfigSource& source, Settings& settings) {
    for (const auto& [name, value] : source.tedge_env) {
        if (name.compare(0, kStart.size(), kStart) != 0) continue;
        if (name == "TEDGE_CONFIG_DIR" || name == "TEDGE_CLOUD_PROFILE") continue;
        const auto variable = find_variable(lower_case(name.substr(kStart.size())));
        if (!variable) {
            settings.warnings.push_back("unknown setting in the environment: " + name);
        } else if (variable->key) {
            apply(name, value, *variable, settings);
        }
    }
}

}  // namespace remote_access
