// SPDX-License-Identifier: Apache-2.0
#include "config/files.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "config/keys.hpp"
#include "config/toml.hpp"

namespace remote_access {
namespace {

namespace fs = std::filesystem;

struct MapperFile {
    std::string cloud, profile, path;
};

// One file on its way into the settings.
struct Layer {
    std::string path;
    bool version_one = false;    ///< tedge.toml before the migration of its key names
    std::size_t hidden = 0;      ///< characters of a full name that the file does not write
    std::set<std::string> skip;  ///< top-level tables that do not count
    Settings& settings;
};

struct Type {
    TomlNode::Kind kind;
    std::string_view complaint;
};

Type type_of(Form form) {
    if (form == Form::kPort) return {TomlNode::Kind::kInteger, "must be a number"};
    if (form == Form::kFlag) return {TomlNode::Kind::kFlag, "must be true or false"};
    return {TomlNode::Kind::kText, "must be a string"};
}

std::string text_of(const TomlNode& node) {
    if (node.kind == TomlNode::Kind::kInteger) return std::to_string(node.integer);
    if (node.kind == TomlNode::Kind::kFlag) return node.flag ? "true" : "false";
    return std::string(node.text.reveal());
}

void add_value(const Layer& layer, const std::string& written, const TomlNode& node) {
    const auto [name, unread] = renamed_key(written, layer.version_one);
    Setting setting{{}, layer.path + ":" + std::to_string(node.line), written.substr(layer.hidden)};
    if (unread) {
        layer.settings.warnings.push_back(setting.subject + ": key `" + written +
                                          "` is an old name and not read (config.version is 2)");
        return;
    }
    const Key* key = find_key(name);
    if (!key) {
        if (is_key_group(name)) layer.settings.fail(setting, "must be a table");
        return;
    }
    const Type type = type_of(key->form);
    if (node.kind != type.kind) return layer.settings.fail(setting, type.complaint);
    std::string text = text_of(node);
    const std::string_view wrong = complaint(key->form, text);
    setting.text = Secret(text);
    wipe(text);
    if (!wrong.empty()) return layer.settings.fail(setting, wrong);
    if (layer.settings.find(name))
        return layer.settings.fail(setting, "is given twice: here and as `" + name + "`");
    layer.settings.values.emplace(name, std::move(setting));
}

void add_table(const Layer& layer, const std::string& prefix, const TomlNode& table);

// [c8y.profiles.<name>]
void add_profiles(const Layer& layer, const std::string& cloud, const TomlNode& profiles) {
    if (!profiles.table())
        return layer.settings.fail(
            key_error(layer.path, profiles.line, cloud + ".profiles", "must be a table"));
    for (const TomlNode& child : profiles.children) {
        const auto profile = parse_profile(child.key);
        if (!profile || !child.table()) {
            layer.settings.fail(key_error(layer.path, child.line, cloud + ".profiles." + child.key,
                                          "must be a table whose name is of letters, digits, - _"));
            continue;
        }
        layer.settings.profiles[cloud].insert(*profile);
        add_table(layer, cloud + ".profiles." + *profile + ".", child);
    }
}

void add_table(const Layer& layer, const std::string& prefix, const TomlNode& table) {
    for (const TomlNode& child : table.children) {
        if (child.key.find('.') != std::string::npos)
            continue;  // "a.b" in quotes is no key of ours
        if (prefix.empty() && layer.skip.count(child.key) != 0) continue;
        const std::string name = prefix + child.key;
        const std::string group = prefix.substr(0, prefix.empty() ? 0 : prefix.size() - 1);
        if (child.key == "profiles" && is_cloud(group)) {
            // A mapper.toml is one profile's and has none inside.
            if (layer.hidden == 0) add_profiles(layer, group, child);
        } else if (!child.table() || find_key(name)) {
            add_value(layer, name, child);
        } else {
            add_table(layer, name + ".", child);
        }
    }
}

// mappers/<cloud>/mapper.toml and mappers/<cloud>.<profile>/mapper.toml, those that exist.
std::vector<MapperFile> mapper_files(const std::string& folder, Settings& settings) {
    std::vector<MapperFile> files;
    std::error_code code;
    if (fs::status(folder, code).type() == fs::file_type::not_found) return files;
    fs::directory_iterator entry(folder, code);
    for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
        const std::string name = entry->path().filename().string();
        const std::size_t dot = name.find('.');
        const std::string cloud = name.substr(0, dot);
        const std::string path = (entry->path() / "mapper.toml").string();
        std::error_code unreadable;  // shows when it is read
        if (!is_cloud(cloud) || fs::status(path, unreadable).type() == fs::file_type::not_found)
            continue;
        files.push_back({cloud, dot == std::string::npos ? "" : name.substr(dot), path});
    }
    if (code) settings.fail({Fault::kSettings, folder, "cannot be read: " + code.message()});
    std::sort(files.begin(), files.end(),
              [](const MapperFile& a, const MapperFile& b) { return a.path < b.path; });
    return files;
}

void add_mapper_file(const MapperFile& file, Settings& settings) {
    std::string profile;
    if (!file.profile.empty()) {
        const auto name = parse_profile(file.profile.substr(1));
        if (!name) return;  // thin-edge passes it over as well
        profile = *name;
        settings.profiles[file.cloud].insert(profile);
    }
    auto root = read_toml(file.path);
    if (!root) return settings.fail(root.error());
    const std::string prefix = cloud_key(file.cloud, profile, "");
    add_table({file.path, false, prefix.size(), {}, settings}, prefix, *root);
}

// config.version: absent is "1".
bool is_version_one(const std::string& path, const TomlNode& root, Settings& settings) {
    const TomlNode* config = root.find("config");
    const TomlNode* version = config ? config->find("version") : nullptr;
    if (!version) return true;
    const std::string_view text = version->text.reveal();
    if (text != "1" && text != "2")
        settings.fail(key_error(path, version->line, "config.version", "must be \"1\" or \"2\""));
    return text == "1";
}

}  // namespace

void apply_files(const ConfigSource& source, Settings& settings) {
    Layer tedge{source.config_dir + "/tedge.toml", false, 0, {}, settings};
    settings.cloud_file = tedge.path;
    auto root = read_toml(tedge.path);
    if (!root) {
        settings.fail(root.error());
        root = TomlNode{};
    }
    const std::string folder = source.config_dir + "/mappers";
    const auto files = mapper_files(folder, settings);
    // One mapper.toml of a cloud is enough for its section in tedge.toml not to count any more
    // (decide_config_source).
    for (const MapperFile& file : files) tedge.skip.insert(file.cloud);
    for (const std::string& cloud : tedge.skip) {
        const TomlNode* section = root->find(cloud);
        if (!section || section->children.empty()) continue;
        if (cloud == "c8y") settings.ignored_c8y = true;
        std::string warning = tedge.path + ":" + std::to_string(section->line);
        warning.append(": [").append(cloud).append("] is ignored in favour of ").append(folder);
        settings.warnings.push_back(
            warning.append("/").append(cloud).append("[.<profile>]/mapper.toml"));
    }
    if (tedge.skip.count("az") != 0) tedge.skip.insert("azure");
    tedge.version_one = is_version_one(tedge.path, *root, settings);
    add_table(tedge, "", *root);
    for (const MapperFile& file : files) add_mapper_file(file, settings);
    if (tedge.skip.count("c8y") != 0)
        settings.cloud_file =
            folder + "/c8y" + (source.profile.empty() ? "" : "." + source.profile) + "/mapper.toml";
}

}  // namespace remote_access
