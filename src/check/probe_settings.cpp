// SPDX-License-Identifier: Apache-2.0
#include "check/probe_settings.hpp"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "config/settings.hpp"
#include "config/toml.hpp"
#include "sandbox/identity.hpp"

namespace remote_access {
namespace {

constexpr const char* kUser = "user";
constexpr const char* kSettings = "settings";

std::string name_of(uid_t user) {
    const passwd* found = ::getpwuid(user);
    return found != nullptr ? found->pw_name : std::to_string(user);
}

/// "c8y.profiles.second.http" → "c8y.http" when that is the asked profile; empty for another one's.
std::string short_name(const std::string& name, const std::string& profile) {
    constexpr std::string_view kProfiles = "c8y.profiles.";
    const std::string own = std::string(kProfiles) + profile + ".";
    if (!profile.empty() && name.compare(0, own.size(), own) == 0)
        return "c8y." + name.substr(own.size());
    const bool of_a_cloud = name.compare(0, 4, "c8y.") == 0;
    const bool of_another =
        name.compare(0, kProfiles.size(), kProfiles) == 0 || (of_a_cloud && !profile.empty());
    return of_another ? std::string() : name;
}

/// Of the owner's file: the keys of its top level that cures name.
void add_owner_places(const std::string& path, Places& places) {
    const Result<TomlNode> root = read_toml(path);
    if (!root) return;
    for (const char* key : {"enabled", "sandbox", "approve"}) {
        if (const TomlNode* node = root->find(key))
            places[key] = path + ":" + std::to_string(node->line);
    }
    const TomlNode* limits = root->find("limits");
    for (const char* key : {"sessions", "connect"}) {
        if (const TomlNode* node = limits != nullptr ? limits->find(key) : nullptr)
            places[std::string("limits.") + key] = path + ":" + std::to_string(node->line);
    }
}

Places places_of(const Config& config) {
    Places places;
    const Settings settings = read_settings(config.source);
    for (const auto& [name, setting] : settings.values) {
        const std::string key = short_name(name, config.source.profile);
        if (!key.empty()) places[key] = setting.subject;
    }
    const auto url = places.find("c8y.url");
    if (url != places.end() && places.count("c8y.http") == 0)
        places["c8y.http"] = "c8y.url in " + url->second;
    add_owner_places(config.owner.path, places);
    return places;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) all += (all.empty() ? "" : "; ") + line;
    return all;
}

Step unreadable(const Error& error, const std::string& folder) {
    if (::access(folder.c_str(), F_OK) != 0)
        return problem(kSettings, "there is no folder " + folder,
                       "Install thin-edge.io, or name its configuration folder (--config-dir).");
    const std::string command = "tedge config set c8y.url HOST";
    if (error.detail.find(command) != std::string::npos)
        return problem(kSettings, reason(error), "Run `" + command + "`.");
    if (error.detail.find("no profile `") != std::string::npos)
        return problem(kSettings, reason(error), "Name one that there is (--profile), or none.");
    const bool denied = error.detail.find("ermission denied") != std::string::npos;
    return problem(kSettings, reason(error),
                   denied ? "Let user " + name_of(::geteuid()) + " read " + error.subject + "."
                          : "Correct " + error.subject + ".");
}

}  // namespace

Step probe_user(const ConfigSource& source) {
    const Config config = config_for_reporting(source);
    const passwd* wanted = ::getpwnam(config.user.c_str());
    const bool root = ::geteuid() == 0;
    if (wanted == nullptr)
        return warning(kUser,
                       "there is no user " + config.user + " (thin-edge's); this looks as " +
                           name_of(::geteuid()),
                       "Install thin-edge.io, or name its user in " + config.source.config_dir +
                           "/system.toml.");
    const uid_t user = wanted->pw_uid;
    if (::geteuid() == user) return ok(kUser, "this looks as thin-edge's user " + config.user);
    if (!root)
        return warning(
            kUser,
            "this looks as user " + name_of(::geteuid()) + ", sessions run as " + config.user,
            "Run it as root or as user " + config.user + ".");
    const Result<void> left = become_user(config.user, config.group);
    if (left)
        return ok(kUser, "root, who looks as thin-edge's user " + config.user + " from here on");
    return problem(kUser, "root, who cannot look as " + config.user + ": " + left.error().detail,
                   "Run it as user " + config.user + ".");
}

SettingsFound probe_settings(const ConfigSource& source) {
    SettingsFound found;
    Result<Config> config = load_config(source);
    if (!config) {
        found.step = unreadable(config.error(), source.config_dir);
        return found;
    }
    found.places = places_of(*config);
    const std::string text = config->source.config_dir + ", cloud " + config->cloud.http.text();
    const bool none = config->warnings.empty();
    found.step = none ? ok(kSettings, text)
                      : warning(kSettings, joined(config->warnings),
                                "Correct what is named, or take it out.");
    found.config = std::move(*config);
    return found;
}

}  // namespace remote_access
