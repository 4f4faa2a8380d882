// SPDX-License-Identifier: Apache-2.0
// A few messages to the broker from a command that ends afterwards: connects once, publishes, waits
// for the acknowledgements, disconnects. Blocks, at most for the given time.
#pragma once

#include <functional>
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

/// What must not be said to nobody, nor at the wrong moment.
struct Care {
    /// Filter of topics, and the ends of those of them that the one who listens speaks on. Nothing
    /// is said before such a message came, perhaps a retained one.
    std::string listeners;
    std::vector<std::string> listener;
    std::function<Result<void>()> now;  ///< asked then; its error ends it unsaid
    Milliseconds patience{500};         ///< for the listener; and what `now` locks is held so long
};

/// As announce(), for one message.
Result<void> announce_with_care(const BrokerConfig& broker, const Announcement& message,
                                Milliseconds patience, Care care);

}  // namespace remote_access
