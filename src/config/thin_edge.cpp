// SPDX-License-Identifier: Apache-2.0
#include "config/thin_edge.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "config/forms.hpp"
#include "config/keys.hpp"
#include "config/no_proxy.hpp"
#include "config/toml.hpp"

namespace remote_access {
namespace {

constexpr std::uint16_t kHttps = 443;
constexpr std::string_view kDefaultRootCerts = "/etc/ssl/certs";

// A relative path in a file is for thin-edge relative to the folder of whoever reads it, which is /
// for its services. So it is here, for each process: the plugin is started in tmp.path, where
// anybody may lay down certificates.
std::string path_of(const Settings& settings, std::string_view name,
                    std::string_view otherwise = {}) {
    const std::string path = settings.text(name, otherwise);
    return path.empty() ? path : absolute_path(path.front() == '/' ? path : "/" + path);
}

std::uint16_t port_of(const Settings& settings, std::string_view name, std::uint16_t otherwise) {
    return parse_port(settings.text(name)).value_or(otherwise);
}

bool profile_exists(const Settings& settings, const std::string& profile) {
    const auto cloud = settings.profiles.find("c8y");
    return cloud != settings.profiles.end() && cloud->second.count(profile) != 0;
}

// Half of a migration: mapper.toml files are there, and this profile's is not among them.
std::string where_else(const Settings& settings) {
    return settings.ignored_c8y ? "; [c8y] in tedge.toml does not count beside mapper.toml files"
                                : "";
}

void check_profile(Settings& settings, const std::string& profile) {
    if (profile.empty() || profile_exists(settings, profile)) return;
    std::string found;
    for (const std::string& name : settings.profiles["c8y"]) found += ", " + name;
    settings.fail({Fault::kSettings, settings.cloud_file,
                   "no profile `" + profile + "` (there is: " +
                       (found.empty() ? "none" : found.substr(2)) + ")" + where_else(settings)});
}

HostPort read_http(Settings& settings, const std::string& profile, Need need) {
    for (const char* key : {"http", "url"}) {
        const auto address = parse_host_port(settings.text(cloud_key("c8y", profile, key)), kHttps);
        if (address) return *address;
    }
    if (need == Need::kDevice) return {};
    settings.fail({Fault::kSettings, settings.cloud_file,
                   "c8y.url is not set (tedge config set c8y.url HOST" +
                       (profile.empty() ? "" : " --profile " + profile) + ")" +
                       where_else(settings)});
    return {};
}

// The trust anchors of all clouds and profiles, as thin-edge takes them
// (cloud_client_tls_config in tedge_config.rs).
std::vector<std::string> read_root_certs(const Settings& settings, const std::string& profile) {
    std::vector<std::string> paths;
    const auto add = [&](std::string_view cloud, const std::string& name) {
        std::string path =
            path_of(settings, cloud_key(cloud, name, "root_cert_path"), kDefaultRootCerts);
        if (std::find(paths.begin(), paths.end(), path) == paths.end())
            paths.push_back(std::move(path));
    };
    add("c8y", profile);
    for (const std::string_view cloud : kClouds) {
        add(cloud, "");
        const auto profiles = settings.profiles.find(cloud);
        if (profiles == settings.profiles.end()) continue;
        for (const std::string& name : profiles->second) add(cloud, name);
    }
    return paths;
}

void read_cloud(Settings& settings, Config& config, Need need) {
    const std::string& profile = config.source.profile;
    CloudConfig& cloud = config.cloud;
    check_profile(settings, profile);
    cloud.http = read_http(settings, profile, need);
    for (const std::string& name : settings.profiles["c8y"]) config.profiles.push_back(name);
    cloud.root_cert_paths = read_root_certs(settings, profile);
    cloud.credentials_path = path_of(settings, cloud_key("c8y", profile, "credentials_path"),
                                     config.source.config_dir + "/credentials.toml");
    cloud.topic_prefix = settings.text(cloud_key("c8y", profile, "bridge.topic_prefix"), "c8y");
    cloud.use_operation_id =
        settings.text(cloud_key("c8y", profile, "smartrest.use_operation_id"), "true") == "true";
    const std::string method = settings.text(cloud_key("c8y", profile, "auth_method"));
    std::error_code code;
    if (method == "basic" ||
        (method == "auto" && std::filesystem::exists(cloud.credentials_path, code)))
        cloud.auth = AuthMethod::kBasic;
}

void read_broker(Settings& settings, Config& config) {
    BrokerConfig& broker = config.broker;
    const std::string host = settings.text("mqtt.client.host", "127.0.0.1");
    broker.address.host = parse_host(host).value_or(host);
    broker.address.port =
        port_of(settings, "mqtt.client.port", port_of(settings, "mqtt.bind.port", 1883));
    broker.ca_file = path_of(settings, "mqtt.client.auth.ca_file");
    broker.ca_dir = path_of(settings, "mqtt.client.auth.ca_dir");
    broker.cert_file = path_of(settings, "mqtt.client.auth.cert_file");
    broker.key_file = path_of(settings, "mqtt.client.auth.key_file");
    if (broker.cert_file.empty() != broker.key_file.empty()) {
        // As thin-edge does (mqtt_config.rs), but not silently.
        settings.warnings.push_back(
            "mqtt.client.auth.cert_file and key_file count only together: no client certificate");
        broker.cert_file.clear();
        broker.key_file.clear();
    }
    broker.username = settings.text("mqtt.client.auth.username");
    broker.password_file = path_of(settings, "mqtt.client.auth.password_file");
    config.topic_root = settings.text("mqtt.topic_root", "te");
    config.device_topic_id = parse_topic_id(settings.text("mqtt.device_topic_id", "device/main//"));
}

void read_proxy(Settings& settings, Config& config) {
    ProxyConfig& proxy = config.proxy;
    const Setting* address = settings.find("proxy.address");
    if (address) proxy = parse_proxy(address->text.reveal()).value_or(ProxyConfig{});
    const Setting* username = settings.find("proxy.username");
    const Setting* password = settings.find("proxy.password");
    if (address && (username == nullptr) != (password == nullptr))
        settings.fail(username ? *username : *password,
                      "proxy.username and proxy.password are needed together");
    proxy.username = settings.text("proxy.username");
    if (address && username && proxy.username.find(':') != std::string::npos)
        settings.fail(*username, "must not contain a colon (RFC 7617)");
    if (password) proxy.password = password->text.clone();
    proxy.no_proxy = settings.text("proxy.no_proxy");
    if (!address) return;
    const NoProxy exceptions(proxy.no_proxy);
    proxy.used = !exceptions.names(config.cloud.http);
    for (const std::string& entry : exceptions.unreadable())
        settings.warnings.push_back("proxy.no_proxy: `" + printable(entry, 80) +
                                    "` is no name, address or block, and exempts nothing");
}

// [log] of system.toml. A device must not become unreachable by it: what is wrong is a warning.
void read_log_level(Settings& settings, const TomlNode& root, const std::string& path,
                    Config& config) {
    const TomlNode* table = root.find("log");
    for (const std::string_view name : log::kFilterNames) {
        const TomlNode* node = table ? table->find(name) : nullptr;
        if (!node) continue;
        config.log_level = log::level_from_name(lower_case(node->text.reveal()));
        if (!config.log_level)
            settings.warnings.push_back(path + ":" + std::to_string(node->line) + ": key `log." +
                                        node->key + "`: must be error, warn, info, debug or trace");
        return;
    }
}

// system.toml; thin-edge's common/tedge_config/src/system_toml/mod.rs and log_level.rs.
void read_system(Settings& settings, Config& config) {
    const std::string path = config.source.config_dir + "/system.toml";
    const auto root = read_toml(path);
    if (!root) return settings.fail(root.error());
    read_log_level(settings, *root, path, config);
    for (const auto& [key, value] : {std::pair{"user", &config.user}, {"group", &config.group}}) {
        const TomlNode* node = root->find(key);
        if (!node) continue;
        if (node->kind == TomlNode::Kind::kText && !node->text.empty())
            *value = node->text.reveal();
        else
            settings.fail(key_error(path, node->line, key, "must be a name"));
    }
}

}  // namespace

void read_thin_edge(Settings& settings, Config& config, Need need) {
    read_cloud(settings, config, need);
    read_broker(settings, config);
    read_proxy(settings, config);
    config.paths.run = path_of(settings, "run.path", config.paths.run);
    config.paths.logs = path_of(settings, "logs.path", config.paths.logs);
    config.paths.tmp = path_of(settings, "tmp.path", config.paths.tmp);
    config.paths.data = path_of(settings, "data.path", config.paths.data);
    read_system(settings, config);
}

}  // namespace remote_access
