// SPDX-License-Identifier: Apache-2.0
// The connected socket to the target as the pump's end. Does not own the descriptor, never waits.
#pragma once

#include "forwarder/ends.hpp"

namespace remote_access {

class SocketTarget final : public TargetEnd {
public:
    explicit SocketTarget(int descriptor) : descriptor_(descriptor) {}

    Transfer read(std::uint8_t* const* pieces, std::size_t count, std::size_t room) override;
    Transfer write(const std::uint8_t* bytes, std::size_t size) override;
    void end_writing() override;
    bool delivered() override;
    Milliseconds acknowledgement_age() const override;
    std::string failure() const override;

private:
    Transfer failed(int code);

    int descriptor_;
    int error_ = 0;
};

}  // namespace remote_access
