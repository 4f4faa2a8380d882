// SPDX-License-Identifier: Apache-2.0
#include "config/toml.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/fd.hpp"

namespace remote_access {
namespace {

// toml++ and convert() recurse once for each part of a dotted key, toml++ without a limit.
constexpr int kMostParts = 32;

// Behind the string that begins at `at`; a line string that is not closed ends with its line.
std::size_t end_of_string(std::string_view text, std::size_t at) {
    const char quote = text[at];
    const std::string_view three = text.substr(at, 3);
    const bool lines = three.size() == 3 && three == std::string(3, quote);
    const std::string_view mark = lines ? three : text.substr(at, 1);
    for (at += mark.size(); at < text.size(); ++at) {
        if (!lines && text[at] == '\n') return at;
        if (quote == '"' && text[at] == '\\') {
            ++at;
        } else if (text.substr(at, mark.size()) == mark) {
            at += mark.size();
            // Up to two quotes in front of the closing three are the string's.
            for (int more = 0; lines && more < 2 && text.substr(at, 1) == three.substr(0, 1);
                 ++more)
                ++at;
            return at;
        }
    }
    return text.size();
}

// The line of the first key with more parts; 0: there is none. Dots in strings and comments are no
// parts.
int line_of_endless_key(std::string_view text) {
    int line = 1, parts = 1;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '#') {
            at = std::min(text.find('\n', at), text.size()) - 1;
        } else if (c == '"' || c == '\'') {
            const std::string_view string = text.substr(at, end_of_string(text, at) - at);
            line += static_cast<int>(std::count(string.begin(), string.end(), '\n'));
            at += string.size() - 1;
        } else if (c == '.' && ++parts > kMostParts) {
            return line;
        } else if (std::string_view("\n=,[]{}").find(c) != std::string_view::npos) {
            parts = 1;
            if (c == '\n') ++line;
        }
    }
    return 0;
}

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
    if (const int line = line_of_endless_key(document))
        return Error{Fault::kSettings, std::to_string(line),
                     "has a key of more than " + std::to_string(kMostParts) + " parts"};
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
