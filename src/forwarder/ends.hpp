// SPDX-License-Identifier: Apache-2.0
// What the pump knows of its two ends: bytes that can be moved now, and nothing about descriptors,
// TLS or event loops. Nothing here waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/time.hpp"

namespace remote_access {

struct Transfer {
    enum class State {
        kMoved,
        kBlocked,
        kEnded,  ///< reading: the other side sends no more
        kFailed  ///< gone; the end's failure() says why
    };
    State state = State::kBlocked;
    std::size_t bytes = 0;
    bool drained = false;  ///< kMoved: another read would find nothing, so wait for readiness

    bool moved() const { return state == State::kMoved; }
    bool blocked() const { return state == State::kBlocked; }
};

/// Bytes on a connection since it stands: given to it, and acknowledged by the other side's kernel.
struct Sent {
    std::uint64_t given = 0, arrived = 0;
};

/// The service on the device's side: a plain stream.
class TargetEnd {
public:
    virtual ~TargetEnd() = default;
    /// Fills `count` pieces of `room` bytes in their order, in one call.
    virtual Transfer read(std::uint8_t* const* pieces, std::size_t count, std::size_t room) = 0;
    /// May take less than `size`.
    virtual Transfer write(const std::uint8_t* bytes, std::size_t size) = 0;
    virtual void end_writing() = 0;
    /// All that was written, and the end of it, has arrived on the other side.
    virtual bool delivered() = 0;
    /// While its kernel owes an acknowledgement: how old the last one is. Zero while it owes none.
    virtual Milliseconds acknowledgement_age() const = 0;
    virtual std::string failure() const = 0;
};

/// The cloud: TLS. Writing goes into a buffer of fixed size, flush() sends it in as few calls as
/// possible.
class CloudEnd {
public:
    virtual ~CloudEnd() = default;
    virtual Transfer read(std::uint8_t* into, std::size_t room) = 0;
    /// How many bytes write() takes at this moment: at most one TLS record.
    virtual std::size_t room() const = 0;
    /// How many full records fit.
    virtual std::size_t records() const = 0;
    /// Takes all of it; false: the connection is gone.
    virtual bool write(const std::uint8_t* bytes, std::size_t size) = 0;
    /// kMoved: nothing is pending any more. kBlocked: `bytes` were sent all the same.
    virtual Transfer flush() = 0;
    virtual bool pending() const = 0;
    /// The connection is gone, which no read says while there is none.
    virtual bool lost() const = 0;
    /// As of the target.
    virtual Milliseconds acknowledgement_age() const = 0;
    virtual Sent sent() const = 0;
    virtual std::string failure() const = 0;
};

}  // namespace remote_access
