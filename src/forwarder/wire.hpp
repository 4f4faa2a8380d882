// SPDX-License-Identifier: Apache-2.0
// The socket at the bottom: receives, and gathers what is to be sent in a buffer of fixed size, so
// that several TLS records leave in one call. Does not own the descriptor, never waits.
#pragma once

#include <array>
#include <string>

#include "forwarder/carrier.hpp"

namespace remote_access {

class Wire final : public Carrier {
public:
    /// Four full TLS records with their overhead, and some small ones.
    static constexpr std::size_t kGathered = std::size_t{67} * 1024;

    explicit Wire(int descriptor) : descriptor_(descriptor) {}
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    Transfer receive(char* into, std::size_t room) override;
    bool drained() const override { return drained_; }
    bool ended() const override { return ended_; }

    std::size_t gather(const char* bytes, std::size_t size) override;
    std::size_t space() const override { return gathered_.size() - end_; }
    bool pending() const override { return begin_ < end_; }
    Transfer flush() override;
    void close() override { flush(); }

    bool lost() const override;
    Milliseconds acknowledgement_age() const override;
    Sent sent() const override;
    bool failed() const override { return error_ != 0; }
    std::string failure() const override;

private:
    int descriptor_;
    int error_ = 0;  // of the first call that failed
    bool drained_ = false, ended_ = false;
    std::uint64_t given_ = 0;
    std::size_t begin_ = 0, end_ = 0;
    std::array<char, kGathered> gathered_;  // not initialised: untouched pages cost nothing
};

}  // namespace remote_access
