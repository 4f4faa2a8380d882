// SPDX-License-Identifier: Apache-2.0
// What both ends of a measured tunnel do: commands on standard input, JSON lines on standard
// output.
//   transfer SEND FRAME RECEIVE   both ways at once; RECEIVE counts from this command on
//   drain                         until nothing has come for a tenth of a second
//   echo SIZE COUNT               send, wait for the answer, COUNT times; times of each round
//   reflect BYTES                 the other side of it
//   stamp COUNT INTERVAL_US       small messages that carry their time; whatever comes is taken
//   clock COUNT MB_PER_S          the other side of it: sends in bulk until COUNT stamps have come
//   stall · resume                stops reading, starts again
//   close                         ends the connection; the next one may come
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace bench {

/// One connection, not blocking.
class Wire {
public:
    enum class Status { kMore, kDry, kEnded };
    using Take = std::function<void(std::uint8_t* bytes, std::size_t size)>;

    virtual ~Wire() = default;
    virtual int fd() const = 0;
    virtual std::string name() const = 0;
    /// Hands on the payload of one read.
    virtual Status read(const Take& take) = 0;
    /// Bytes of the stream as frames() laid them out; how many were taken.
    virtual std::size_t write(const std::uint8_t* bytes, std::size_t size) = 0;
    /// True: nothing is left in buffers of our own.
    virtual bool flush() = 0;
    virtual bool has_buffered() const = 0;
    /// What stands before each `payload` bytes.
    virtual std::vector<std::uint8_t> head(std::uint64_t payload) const = 0;
    virtual void close() = 0;
};

using MakeWire = std::function<std::unique_ptr<Wire>(int fd, std::int64_t accepted_ns)>;

/// Prints the port, then serves connections one after the other until standard input ends.
int serve(const MakeWire& make_wire);

}  // namespace bench
