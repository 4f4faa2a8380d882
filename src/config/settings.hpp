// SPDX-License-Identifier: Apache-2.0
// thin-edge's settings as text: tedge.toml or mappers/c8y*/mapper.toml, then TEDGE_* over them, by
// the rules of tedge_toml/tedge_config_location.rs. Each value is of its key's form already. What
// is wrong is left out and its error kept, so that the rest can still serve to report it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/secret.hpp"
#include "config/config.hpp"

namespace remote_access {

struct Setting {
    Secret text;          ///< any of them may be a password: proxy.password
    std::string subject;  ///< "<file>:<line>" or the variable's name, for errors
    std::string key;      ///< as written in the file; empty for a variable
};

struct Settings {
    std::map<std::string, Setting, std::less<>> values;  ///< by full name: "c8y.profiles.x.url"
    std::map<std::string, std::set<std::string>, std::less<>> profiles;  ///< cloud → names
    std::string cloud_file;    ///< where the asked profile's c8y keys belong, for errors
    bool ignored_c8y = false;  ///< tedge.toml has a [c8y] that does not count
    std::vector<std::string> warnings;
    std::optional<Error> error;  ///< the first one

    void fail(Error reason);
    void fail(const Setting& setting, std::string_view what);
    const Setting* find(std::string_view name) const;
    std::string text(std::string_view name, std::string_view otherwise = {}) const;
};

/// `source.config_dir` is absolute, `source.profile` valid.
Settings read_settings(const ConfigSource& source);

}  // namespace remote_access
