// SPDX-License-Identifier: Apache-2.0
#include "config/config.hpp"

#include <utility>

#include "config/forms.hpp"
#include "config/thin_edge.hpp"

namespace remote_access {
namespace {

// Everything that can be read, and the first thing that cannot.
std::optional<Error> read_all(const ConfigSource& source, Config& config, Need need) {
    config.source = source;
    config.source.config_dir = absolute_path(source.config_dir);
    std::optional<Error> error;
    if (!source.profile.empty()) {
        const auto profile = parse_profile(source.profile);
        if (!profile)
            error = Error{Fault::kSettings, "profile `" + source.profile + "`",
                          "a name is of letters, digits, `-` and `_`"};
        config.source.profile = profile.value_or("");
    }
    Settings settings = read_settings(config.source);
    read_thin_edge(settings, config, need);
    config.warnings = std::move(settings.warnings);
    return error ? error : settings.error;
}

Result<Config> load(const ConfigSource& source, Need need) {
    Config config;
    if (const auto error = read_all(source, config, need)) return *error;
    auto owner = load_owner_config(config.source.config_dir);
    if (!owner) return owner.error();
    config.owner = std::move(*owner);
    return config;
}

}  // namespace

std::string HostPort::text() const {
    const bool brackets = host.find(':') != std::string::npos;
    return (brackets ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::string way_to(const HostPort& cloud, const ProxyConfig& proxy) {
    return proxy.used ? cloud.text() + " through proxy " + proxy.address.text() : cloud.text();
}

std::string Config::socket_path() const { return paths.run + "/c8y-remote-access-connect.sock"; }

Result<Config> load_config(const ConfigSource& source) { return load(source, Need::kCloud); }

Result<Config> load_device_config(const ConfigSource& source) {
    return load(source, Need::kDevice);
}

Config config_for_reporting(const ConfigSource& source) {
    Config config;
    // What is wrong is what load_config() returned already.
    read_all(source, config, Need::kDevice);
    return config;
}

}  // namespace remote_access
