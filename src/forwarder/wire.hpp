// SPDX-License-Identifier: Apache-2.0
// The socket below TLS: receives, and gathers what is to be sent in a buffer of fixed size, so that
// several records leave in one call. Does not own the descriptor, never waits.
#pragma once

#include <array>
#include <string>

#include "forwarder/ends.hpp"

namespace remote_access {

class Wire {
public:
    /// Four full TLS records with their overhead, and some small ones.
    static constexpr std::size_t kGathered = std::size_t{67} * 1024;

    explicit Wire(int descriptor) : descriptor_(descriptor) {}
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    Transfer receive(char* into, std::size_t room);
    /// Nothing more would have been there at the last receive().
    bool drained() const { return drained_; }
    bool ended() const { return ended_; }

    /// Takes what fits.
    std::size_t gather(const char* bytes, std::size_t size);
    std::size_t space() const { return gathered_.size() - end_; }
    bool pending() const { return begin_ < end_; }
    /// kMoved: nothing is pending any more.
    Transfer flush();

    int descriptor() const { return descriptor_; }
    bool failed() const { return error_ != 0; }
    std::string failure() const;

private:
    int descriptor_;
    int error_ = 0;  // of the first call that failed
    bool drained_ = false, ended_ = false;
    std::size_t begin_ = 0, end_ = 0;
    std::array<char, kGathered> gathered_;  // not initialised: untouched pages cost nothing
};

}  // namespace remote_access
