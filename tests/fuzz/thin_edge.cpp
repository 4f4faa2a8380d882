// SPDX-License-Identifier: Apache-2.0
// thin-edge's settings: tedge.toml, mapper.toml of two profiles, system.toml and the environment in
// one input, each part behind a line "%% <name>".
#include <algorithm>
#include <map>

#include "config/config.hpp"
#include "config/forms.hpp"
#include "folder.hpp"

namespace remote_access {
namespace {

using namespace fuzz;

constexpr const char* kFiles[] = {"tedge.toml", "mappers/c8y/mapper.toml",
                                  "mappers/c8y.second/mapper.toml", "system.toml"};
constexpr std::string_view kMark = "%% ";

std::string_view take_line(std::string_view& rest) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
}

using Parts = std::map<std::string, std::string, std::less<>>;

Parts parts_of(std::string_view input) {
    Parts parts;
    std::string* part = &parts["tedge.toml"];
    while (!input.empty()) {
        const std::string_view line = take_line(input);
        if (line.substr(0, kMark.size()) == kMark)
            part = &parts[std::string(line.substr(kMark.size()))];
        else
            part->append(line).append("\n");
    }
    return parts;
}

std::map<std::string, std::string> environment_of(std::string_view lines) {
    std::map<std::string, std::string> environment;
    while (!lines.empty()) {
        const std::string_view line = take_line(lines);
        const std::size_t sign = line.find('=');
        if (sign == std::string_view::npos || line.find('\0') != std::string_view::npos) continue;
        environment.emplace(line.substr(0, sign), line.substr(sign + 1));
    }
    return environment;
}

ConfigSource write_source(const MemoryFolder& folder, const Parts& parts) {
    ConfigSource source;
    source.config_dir = folder.path();
    for (const char* file : kFiles) {
        const auto part = parts.find(file);
        if (part == parts.end())
            folder.remove(file);
        else
            folder.write(file, part->second);
    }
    if (const auto lines = parts.find("environment"); lines != parts.end())
        source.tedge_env = environment_of(lines->second);
    if (const auto profile = parts.find("profile"); profile != parts.end()) {
        std::string_view lines = profile->second;
        source.profile = std::string(take_line(lines));
    }
    return source;
}

/// In the place of a name, which errors quote: of a setting, a variable, the profile.
bool names_secret(const ConfigSource& source, const Parts& parts) {
    if (spells_secret(source.profile)) return true;
    for (const auto& [name, value] : source.tedge_env) {
        if (spells_secret(name)) return true;
    }
    for (const char* file : kFiles) {
        const auto part = parts.find(file);
        if (part != parts.end() && is_a_key(part->second)) return true;
    }
    return false;
}

bool is_topic(const std::string& text) {
    return !text.empty() && text.find_first_of(std::string_view("#+\0", 3)) == std::string::npos;
}

void check_reporting(const Config& config) {
    require(!config.broker.address.host.empty() && config.broker.address.port != 0,
            "there is always a broker to report to");
    require(is_topic(config.cloud.topic_prefix), "a topic prefix is one",
            config.cloud.topic_prefix);
    require(is_topic(config.topic_root), "a topic root is one", config.topic_root);
    require(std::count(config.device_topic_id.begin(), config.device_topic_id.end(), '/') == 3,
            "a topic id has four segments", config.device_topic_id);
    for (const std::string* path :
         {&config.paths.run, &config.paths.logs, &config.paths.tmp, &config.paths.data})
        require(!path->empty() && path->front() == '/', "a path is absolute", *path);
    require(!config.user.empty() && !config.group.empty(), "there is a user");
}

void check_accepted(const Config& config) {
    const auto cloud = parse_host_port(config.cloud.http.text(), 443);
    require(cloud && cloud->text() == config.cloud.http.text(), "the cloud reads as it is written",
            config.cloud.http.text());
    require(!config.cloud.root_cert_paths.empty(), "there are trust anchors");
    require(!config.cloud.credentials_path.empty(), "there is a credentials path");
    require(config.broker.cert_file.empty() == config.broker.key_file.empty(),
            "a client certificate has a key");
    const ProxyConfig& proxy = config.proxy;
    require(proxy.address.host.empty() == (proxy.address.port == 0), "a proxy is whole");
    require(!has(proxy.address.text(), "@"), "a proxy's address has no login");
}

/// The one value that is quoted: a list of hosts, in which one entry cannot be read.
bool is_about_no_proxy(std::string_view warning) {
    constexpr std::string_view kStart = "proxy.no_proxy: `";
    return warning.substr(0, kStart.size()) == kStart;
}

void run(std::string_view input) {
    static const MemoryFolder folder;
    static const bool made = (folder.write("mappers/none", {}), true);
    require(made, "the folder of the mappers is there");
    const Parts parts = parts_of(input);
    const ConfigSource source = write_source(folder, parts);
    const Result<Config> config = load_config(source);
    const Config reporting = config_for_reporting(source);
    check_reporting(reporting);
    for (const std::string& warning : reporting.warnings)
        require(!has(warning, kSecret) || is_about_no_proxy(warning) || names_secret(source, parts),
                "a warning quotes no value", warning);
    if (!config) {
        require(config.error().fault == Fault::kSettings && !config.error().subject.empty(),
                "an error says which setting");
        check_reason(config.error());
        if (!hides(config.error()) && !names_secret(source, parts)) check_hides(config.error());
        return;
    }
    check_reporting(*config);
    check_accepted(*config);
    require(config->broker.address.text() == reporting.broker.address.text() &&
                config->cloud.topic_prefix == reporting.cloud.topic_prefix,
            "what is reported with is what is served with");
}

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    remote_access::run(remote_access::fuzz::as_text(data, size));
    return 0;
}
