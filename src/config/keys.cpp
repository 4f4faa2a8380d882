// SPDX-License-Identifier: Apache-2.0
#include "config/keys.hpp"

#include <algorithm>
#include <array>

namespace remote_access {
namespace {

// tedge_config/src/tedge_toml/tedge_config.rs at c6cc23d6a; defaults are in thin_edge.cpp.
constexpr std::array kKeys{
    Key{"c8y.url", Form::kHost},
    Key{"c8y.http", Form::kHostPort},
    Key{"c8y.root_cert_path", Form::kPath},
    Key{"c8y.auth_method", Form::kAuthMethod},
    Key{"c8y.credentials_path", Form::kPath},
    Key{"c8y.bridge.topic_prefix", Form::kTopicPrefix},
    Key{"c8y.smartrest.use_operation_id", Form::kFlag},
    Key{"az.root_cert_path", Form::kPath},
    Key{"aws.root_cert_path", Form::kPath},
    Key{"mqtt.bind.port", Form::kPort},
    Key{"mqtt.client.host", Form::kBrokerHost},
    Key{"mqtt.client.port", Form::kPort},
    Key{"mqtt.client.auth.ca_file", Form::kPath},
    Key{"mqtt.client.auth.ca_dir", Form::kPath},
    Key{"mqtt.client.auth.cert_file", Form::kPath},
    Key{"mqtt.client.auth.key_file", Form::kPath},
    Key{"mqtt.client.auth.username", Form::kText},
    Key{"mqtt.client.auth.password_file", Form::kPath},
    Key{"mqtt.topic_root", Form::kTopicRoot},
    Key{"mqtt.device_topic_id", Form::kTopicId},
    Key{"proxy.address", Form::kProxy},
    Key{"proxy.username", Form::kText},
    Key{"proxy.password", Form::kText},
    Key{"proxy.no_proxy", Form::kText},
    Key{"run.path", Form::kPath},
    Key{"logs.path", Form::kPath},
    Key{"tmp.path", Form::kPath},
    Key{"data.path", Form::kPath},
};

// thin-edge's other keys, so that only a name which thin-edge does not know either is warned about.
// clang-format off
constexpr std::array<std::string_view, 131> kOthers{
    "config.version", "device.id", "device.key_path", "device.cert_path", "device.csr_path",
    "device.key_uri", "device.key_pin", "device.cryptoki.mode", "device.cryptoki.module_path",
    "device.cryptoki.pin", "device.cryptoki.uri", "device.cryptoki.socket_path", "device.type",
    "certificate.validity.requested_duration", "certificate.validity.minimum_duration",
    "certificate.organization", "certificate.organization_unit", "c8y.device.id",
    "c8y.device.key_path", "c8y.device.cert_path", "c8y.device.csr_path", "c8y.device.key_uri",
    "c8y.device.key_pin", "c8y.smartrest.templates",
    "c8y.smartrest.child_device.create_with_device_marker", "c8y.smartrest1.templates",
    "c8y.mqtt", "c8y.topics", "c8y.enable.log_upload", "c8y.enable.config_snapshot",
    "c8y.enable.config_update", "c8y.enable.firmware_update", "c8y.enable.device_profile",
    "c8y.enable.device_restart", "c8y.enable.software_update", "c8y.mapper.mqtt.max_payload_size",
    "c8y.proxy.bind.address", "c8y.proxy.bind.port", "c8y.proxy.client.host",
    "c8y.proxy.client.port", "c8y.proxy.cert_path", "c8y.proxy.key_path", "c8y.proxy.ca_path",
    "c8y.bridge.include.local_cleansession", "c8y.bridge.keepalive_interval",
    "c8y.entity_store.auto_register", "c8y.entity_store.clean_start",
    "c8y.software_management.api", "c8y.software_management.with_types",
    "c8y.operations.auto_log_upload", "c8y.availability.enable", "c8y.availability.interval",
    "c8y.mqtt_service.enabled", "c8y.mqtt_service.topics", "az.url", "az.device.id",
    "az.device.key_path", "az.device.cert_path", "az.device.csr_path", "az.device.key_uri",
    "az.device.key_pin", "az.mapper.timestamp", "az.mapper.timestamp_format",
    "az.mapper.mqtt.max_payload_size", "az.bridge.topic_prefix", "az.bridge.keepalive_interval",
    "az.topics", "aws.url", "aws.device.id", "aws.device.key_path", "aws.device.cert_path",
    "aws.device.csr_path", "aws.device.key_uri", "aws.device.key_pin", "aws.mapper.timestamp",
    "aws.mapper.timestamp_format", "aws.mapper.mqtt.max_payload_size", "aws.bridge.topic_prefix",
    "aws.bridge.keepalive_interval", "aws.topics", "mqtt.bind.enabled", "mqtt.bind.address",
    "mqtt.external.bind.port", "mqtt.external.bind.address", "mqtt.external.bind.interface",
    "mqtt.external.ca_path", "mqtt.external.cert_file", "mqtt.external.key_file",
    "mqtt.bridge.built_in", "mqtt.bridge.reconnect_policy.initial_interval",
    "mqtt.bridge.reconnect_policy.maximum_interval", "mqtt.bridge.reconnect_policy.reset_window",
    "http.bind.port", "http.bind.address", "http.client.port", "http.client.host",
    "http.client.auth.cert_file", "http.client.auth.key_file", "http.cert_path", "http.key_path",
    "http.ca_path", "agent.state.path", "agent.enable.config_update",
    "agent.enable.config_snapshot", "agent.enable.log_upload", "agent.entity_store.auto_register",
    "agent.entity_store.clean_start", "software.plugin.default", "software.plugin.max_packages",
    "software.plugin.include", "software.plugin.exclude", "run.lock_files",
    "run.log_memory_interval", "logs.max_per_operation", "firmware.child.update.timeout",
    "service.type", "service.timestamp_format", "apt.name", "apt.maintainer",
    "apt.dpkg.options.config", "sudo.enable", "diag.plugin_paths", "log.plugin_paths",
    "configuration.plugin_paths", "flows.memory.heap_size", "flows.memory.stack_size",
    "flows.stats.interval", "flows.stats.on_message", "flows.stats.on_interval",
    "flows.stats.on_startup", "flows.params.keep_on_delete"
};
// clang-format on

struct OldKey {
    std::string_view old_name, name;
    bool version_one;  ///< moved by the migration of version 1 to 2; else an alias of any version
};

// tedge_config/version.rs, and `deprecated_name` in tedge_config.rs.
constexpr std::array kOldKeys{
    OldKey{"mqtt.port", "mqtt.bind.port", true},
    OldKey{"mqtt.client_host", "mqtt.client.host", true},
    OldKey{"mqtt.client_port", "mqtt.client.port", true},
    OldKey{"mqtt.client_ca_file", "mqtt.client.auth.ca_file", true},
    OldKey{"mqtt.client_ca_path", "mqtt.client.auth.ca_dir", true},
    OldKey{"mqtt.client_auth.cert_file", "mqtt.client.auth.cert_file", true},
    OldKey{"mqtt.client_auth.key_file", "mqtt.client.auth.key_file", true},
    OldKey{"mqtt.client.auth.cafile", "mqtt.client.auth.ca_file", false},
    OldKey{"mqtt.client.auth.cadir", "mqtt.client.auth.ca_dir", false},
    OldKey{"mqtt.client.auth.certfile", "mqtt.client.auth.cert_file", false},
    OldKey{"mqtt.client.auth.keyfile", "mqtt.client.auth.key_file", false},
    OldKey{"azure.root_cert_path", "az.root_cert_path", false},
};

constexpr std::string_view kProfiles = "profiles";

bool starts_with(std::string_view text, std::string_view start) {
    return text.substr(0, start.size()) == start;
}

bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// The profile in "c8y_profiles_x_url" when `key` is "c8y.url"; "" in "c8y_url"; else nothing.
std::optional<std::string> profile_in(std::string_view variable, std::string_view key) {
    std::string name(key);
    std::replace(name.begin(), name.end(), '.', '_');
    if (variable == name) return std::string();
    const std::size_t dot = key.find('.');
    if (!is_cloud(key.substr(0, dot))) return std::nullopt;
    const std::string start = name.substr(0, dot) + "_profiles_";
    const std::string end = name.substr(dot);
    if (variable.size() <= start.size() + end.size()) return std::nullopt;
    if (!starts_with(variable, start) || !ends_with(variable, end)) return std::nullopt;
    return std::string(variable.substr(start.size(), variable.size() - start.size() - end.size()));
}

// "c8y.profiles.x.url" without ".profiles.x".
std::string without_profile(std::string_view name) {
    const std::size_t first = name.find('.');
    if (first == std::string_view::npos || !is_cloud(name.substr(0, first)))
        return std::string(name);
    const std::string_view rest = name.substr(first + 1);
    const std::size_t second = rest.find('.', kProfiles.size() + 1);
    if (!starts_with(rest, std::string(kProfiles) + ".") || second == std::string_view::npos)
        return std::string(name);
    return std::string(name.substr(0, first)).append(rest.substr(second));
}

}  // namespace

bool is_cloud(std::string_view name) {
    return std::find(kClouds.begin(), kClouds.end(), name) != kClouds.end();
}

std::string cloud_key(std::string_view cloud, std::string_view profile, std::string_view key) {
    std::string name(cloud);
    if (!profile.empty()) name.append(".profiles.").append(profile);
    return name.append(".").append(key);
}

const Key* find_key(std::string_view name) {
    const std::string plain = without_profile(name);
    for (const Key& key : kKeys) {
        if (key.name == plain) return &key;
    }
    return nullptr;
}

bool is_key_group(std::string_view name) {
    const std::string start = without_profile(name) + ".";
    return std::any_of(kKeys.begin(), kKeys.end(),
                       [&](const Key& key) { return starts_with(key.name, start); });
}

Renamed renamed_key(std::string_view name, bool version_one) {
    for (const OldKey& old : kOldKeys) {
        if (old.old_name != name) continue;
        const bool read = version_one || !old.version_one;
        return {std::string(read ? old.name : name), !read};
    }
    return {std::string(name), false};
}

std::optional<Variable> find_variable(std::string_view lower_case_name) {
    for (const Key& key : kKeys) {
        if (auto profile = profile_in(lower_case_name, key.name))
            return Variable{&key, std::move(*profile)};
    }
    for (const std::string_view other : kOthers) {
        if (profile_in(lower_case_name, other)) return Variable{};
    }
    return std::nullopt;
}

}  // namespace remote_access
