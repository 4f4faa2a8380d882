// SPDX-License-Identifier: Apache-2.0
// A few messages to the broker from a command that ends afterwards: connects once, publishes, waits
// for the acknowledgements, disconnects. Blocks, at most for the given time.
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "config/config.hpp"

namespace remote_access {

struct Announcement {
    std::string topic, text;
};

/// An error unless the broker has acknowledged all of them (QoS 1).
Result<void> announce(const BrokerConfig& broker, const std::vector<Announcement>& messages,
                      Milliseconds patience);

}  // namespace remote_access
