// SPDX-License-Identifier: Apache-2.0
#include "config/toml.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/fd.hpp"

namespace remote_access {
namespace {

int line_of(const toml::source_region& source) { return static_cast<int>(source.begin.line); }

TomlNode convert(toml::node& node);

void add_children(TomlNode& parent, toml::node& node) {
    if (toml::table* table = node.as_table()) {
        for (auto&& [key, child] : *table) {
            parent.children.push_back(convert(child));
            parent.children.back().key = key.str();
            // The line of a table made by a dotted key is that of the key.
            if (const int line = line_of(key.source()); line > 0)
                parent.children.back().line = line;
        }
    }
    if (toml::array* array = node.as_array()) {
        for (toml::node& child : *array) parent.children.push_back(convert(child));
    }
    std::stable_sort(parent.children.begin(), parent.children.end(),
                     [](const TomlNode& a, const TomlNode& b) { return a.line < b.line; });
}

TomlNode convert(toml::node& node) {
    TomlNode result;
    result.line = line_of(node.source());
    if (node.is_table() || node.is_array()) {
        result.kind = node.is_table() ? TomlNode::Kind::kTable : TomlNode::Kind::kArray;
        add_children(result, node);
    } else if (auto* text = node.as_string()) {
        result.kind = TomlNode::Kind::kText;
        result.text = Secret(text->get());
        wipe(text->get());
    } else if (const auto* integer = node.as_integer()) {
        result.kind = TomlNode::Kind::kInteger;
        result.integer = integer->get();
    } else if (const auto* flag = node.as_boolean()) {
        result.kind = TomlNode::Kind::kFlag;
        result.flag = flag->get();
    } else {
        result.kind = TomlNode::Kind::kOther;
    }
    return result;
}

// toml++ says "Error while parsing <element>: <details>". The details may quote a value, and with
// it a password that somebody forgot to put into quotes.
Error syntax_error(const toml::parse_error& error) {
    constexpr std::string_view kStart = "Error while parsing ";
    const std::string_view words = error.description();
    std::string detail = "is not valid TOML";
    const std::size_t colon = words.find(':');
    if (words.substr(0, kStart.size()) == kStart && colon != std::string_view::npos) {
        detail += " (";
        detail += words.substr(kStart.size(), colon - kStart.size());
        detail += ")";
    }
    return {Fault::kSettings, std::to_string(line_of(error.source())), std::move(detail)};
}

}  // namespace

const TomlNode* TomlNode::find(std::string_view name) const {
    if (!table()) return nullptr;
    for (const TomlNode& child : children) {
        if (child.key == name) return &child;
    }
    return nullptr;
}

Result<TomlNode> parse_toml(std::string_view document) {
    try {
        toml::table table = toml::parse(document);
        return convert(table);
    } catch (const toml::parse_error& error) {
        return syntax_error(error);
    }
}

Result<TomlNode> read_toml(const std::string& path) {
    std::error_code code;
    if (std::filesystem::status(path, code).type() == std::filesystem::file_type::not_found)
        return TomlNode{};
    auto content = read_file(path);
    if (!content) return Error{Fault::kSettings, path, content.error().detail};
    auto root = parse_toml(*content);
    wipe(*content);
    if (root) return root;
    return Error{Fault::kSettings, path + ":" + root.error().subject, root.error().detail};
}

Error key_error(const std::string& path, int line, std::string_view key, std::string_view what) {
    std::string detail = "key `";
    detail.append(key).append("`: ").append(what);
    return {Fault::kSettings, path + ":" + std::to_string(line), std::move(detail)};
}

}  // namespace remote_access
