// SPDX-License-Identifier: Apache-2.0
// A TOML file as a small tree with line numbers; the only place that knows toml++. Text is held as
// Secret, since any of it may be a password, and no error quotes what a file contains.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"

namespace remote_access {

struct TomlNode {
    enum class Kind { kTable, kArray, kText, kInteger, kFlag, kOther };
    Kind kind = Kind::kTable;
    std::string key;  ///< its name in the table it is a child of
    int line = 0;
    Secret text;
    std::int64_t integer = 0;
    bool flag = false;
    std::vector<TomlNode> children;  ///< of a table or an array, in the order of their lines

    bool table() const { return kind == Kind::kTable; }
    /// The child of a table with this name.
    const TomlNode* find(std::string_view name) const;
};

/// The top table of a document. Error: Fault::kSettings, its subject is the number of the line.
Result<TomlNode> parse_toml(std::string_view document);

/// The top table of a file, empty when there is no such file. Anything else that keeps it from
/// being read is an Error with subject "<path>" or "<path>:<line>".
Result<TomlNode> read_toml(const std::string& path);

/// Error{kSettings, "<path>:<line>", "key `<key>`: <what>"}.
Error key_error(const std::string& path, int line, std::string_view key, std::string_view what);

}  // namespace remote_access
