// SPDX-License-Identifier: Apache-2.0
// What TLS, and the talk with a proxy, run on: a byte stream that gathers what is sent and sends it
// in as few calls as possible. Either the socket itself (Wire) or, inside an https:// proxy, the
// TLS connection with the proxy (TlsStream). Nothing here waits.
#pragma once

#include <cstddef>
#include <string>

#include "base/time.hpp"
#include "forwarder/ends.hpp"

namespace remote_access {

class Carrier {
public:
    virtual ~Carrier() = default;

    virtual Transfer receive(char* into, std::size_t room) = 0;
    /// Nothing more would have been there at the last receive().
    virtual bool drained() const = 0;
    virtual bool ended() const = 0;

    /// Takes what fits.
    virtual std::size_t gather(const char* bytes, std::size_t size) = 0;
    /// How many bytes gather() would take.
    virtual std::size_t space() const = 0;
    virtual bool pending() const = 0;
    /// kMoved: nothing is pending any more.
    virtual Transfer flush() = 0;
    /// Says goodbye as far as it can be said without waiting. The descriptor stays open.
    virtual void close() = 0;

    /// As CloudEnd says; all three are about the socket at the bottom.
    virtual bool lost() const = 0;
    virtual Milliseconds acknowledgement_age() const = 0;
    virtual Sent sent() const = 0;

    virtual bool failed() const = 0;
    virtual std::string failure() const = 0;
};

}  // namespace remote_access
