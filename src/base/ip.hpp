// SPDX-License-Identifier: Apache-2.0
// An IP address and an address block as values. IPv4-mapped IPv6 is IPv4 here, so that no rule can
// be passed by writing an address in another form. Only the strict forms of inet_pton are read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace remote_access {

class IpAddress {
public:
    /// Dotted quad or RFC 4291 text, without brackets and without zone id.
    static std::optional<IpAddress> parse(std::string_view text);
    /// From an AF_INET or AF_INET6 socket address; nothing for other families.
    static std::optional<IpAddress> from(const sockaddr& address);

    bool v4() const { return v4_; }
    std::string text() const;
    /// Four or sixteen bytes in network order, the rest zero.
    const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }

    friend bool operator==(const IpAddress& a, const IpAddress& b) {
        return a.v4_ == b.v4_ && a.bytes_ == b.bytes_;
    }

private:
    IpAddress(bool v4, std::array<std::uint8_t, 16> bytes) : v4_(v4), bytes_(bytes) {}
    bool v4_;
    std::array<std::uint8_t, 16> bytes_;
};

struct IpBlock {
    IpAddress network;  ///< bits behind the prefix are zero
    int prefix;         ///< 0–32 or 0–128

    /// "192.168.1.0/24" or "fd00::/8"; an address without "/" is a block of one. Host bits set: no.
    static std::optional<IpBlock> parse(std::string_view text);
    /// The block of `prefix` bits around `address`.
    static IpBlock around(const IpAddress& address, int prefix);

    bool contains(const IpAddress& address) const;
    /// Every address of `other` is in this block.
    bool contains(const IpBlock& other) const;
    std::string text() const;
};

}  // namespace remote_access
