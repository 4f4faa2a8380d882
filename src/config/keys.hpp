// SPDX-License-Identifier: Apache-2.0
// The names of thin-edge's keys: those that are read here with their form, the old names of some,
// and how the name of a TEDGE_ variable is made from them. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "config/forms.hpp"

namespace remote_access {

constexpr std::array<std::string_view, 3> kClouds{"c8y", "az", "aws"};
bool is_cloud(std::string_view name);

struct Key {
    std::string_view name;  ///< without the profile: "c8y.url"
    Form form;
};

/// The full name of a cloud's key: "c8y.url", with a profile "c8y.profiles.x.url".
std::string cloud_key(std::string_view cloud, std::string_view profile, std::string_view key);

/// The key with this full name, when it is one that is read here.
const Key* find_key(std::string_view name);
/// Whether some key that is read here begins with `name` and a dot.
bool is_key_group(std::string_view name);

struct Renamed {
    std::string name;  ///< today's name, or the given one
    bool unread;       ///< an old name that a file of this version must not use any more
};
Renamed renamed_key(std::string_view name, bool version_one);

/// What a TEDGE_ variable sets; without `key`: a key of thin-edge that is not needed here.
struct Variable {
    const Key* key = nullptr;
    std::string profile;
};
/// `lower_case_name` is without "tedge_"; nothing when thin-edge has no such key.
std::optional<Variable> find_variable(std::string_view lower_case_name);

}  // namespace remote_access
