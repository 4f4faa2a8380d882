// SPDX-License-Identifier: Apache-2.0
// From an Error to a step: what it says is the text, and what it says in brackets at its end is the
// cure, with the places in which the settings named there are set. Pure; base/error.cpp stays the
// one place that knows what helps against what.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "check/report.hpp"

namespace remote_access {

/// A setting as the cures name it ("c8y.http") → where it is set ("/etc/tedge/tedge.toml:3").
using Places = std::map<std::string, std::string, std::less<>>;

/// A problem. `otherwise` is the cure where the error has none of its own.
Step problem(std::string_view name, const Error& error, const Places& places,
             std::string_view otherwise = {});

/// A sentence, each setting in it followed by its place.
std::string cure_text(std::string_view cure, const Places& places);

}  // namespace remote_access
