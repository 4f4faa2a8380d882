// SPDX-License-Identifier: Apache-2.0
// The doctor: walks the way that a session takes and says of each step how it is. Forks first, then
// lets everything that waits run at once under limits.connect, and tells the steps in their order.
// Publishes nothing, uses no key of an operation. For a process that ends afterwards.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "check/report.hpp"
#include "config/config.hpp"

namespace remote_access {

struct CheckOrder {
    ConfigSource source;
    std::optional<HostPort> target;
};

struct Audience {
    /// A step begins: its name, and what it waits for.
    std::function<void(const std::string& name, const std::string& what)> on_begin;
    std::function<void(const Step&)> on_step;
};

std::vector<Step> examine(const CheckOrder& order, const Audience& audience);

}  // namespace remote_access
