// SPDX-License-Identifier: Apache-2.0
#include "base/ip.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace remote_access {
namespace {

using Bytes = std::array<std::uint8_t, 16>;

bool same_prefix(const Bytes& a, const Bytes& b, int prefix) {
    for (int bit = 0; bit < prefix; bit += 8) {
        const auto index = static_cast<std::size_t>(bit / 8);
        const int used = std::min(prefix - bit, 8);
        const auto mask = static_cast<std::uint8_t>(0xFF00U >> static_cast<unsigned>(used));
        if ((a[index] & mask) != (b[index] & mask)) return false;
    }
    return true;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated(text);
    if (terminated.find('\0') != std::string::npos) return std::nullopt;
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    if (inet_pton(AF_INET, terminated.c_str(), &v4.sin_addr) == 1)
        return from(reinterpret_cast<const sockaddr&>(v4));
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    if (inet_pton(AF_INET6, terminated.c_str(), &v6.sin6_addr) == 1)
        return from(reinterpret_cast<const sockaddr&>(v6));
    return std::nullopt;
}

std::optional<IpAddress> IpAddress::from(const sockaddr& address) {
    Bytes bytes{};
    if (address.sa_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        std::memcpy(bytes.data(), &v4.sin_addr, 4);
        return IpAddress(true, bytes);
    }
    if (address.sa_family != AF_INET6) return std::nullopt;
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
        std::memcpy(bytes.data(), v6.sin6_addr.s6_addr + 12, 4);
        return IpAddress(true, bytes);
    }
    std::memcpy(bytes.data(), &v6.sin6_addr, 16);
    return IpAddress(false, bytes);
}

std::string IpAddress::text() const {
    std::array<char, INET6_ADDRSTRLEN> buffer{};
    inet_ntop(v4_ ? AF_INET : AF_INET6, bytes_.data(), buffer.data(), buffer.size());
    return buffer.data();
}

std::optional<IpBlock> IpBlock::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    const int longest = address->v4() ? 32 : 128;
    if (slash == std::string_view::npos) return IpBlock{*address, longest};
    // ::ffff:10.0.0.0/104 counts its prefix as IPv6 does.
    const bool mapped = address->v4() && text.substr(0, slash).find(':') != std::string_view::npos;
    const std::string_view digits = text.substr(slash + 1);
    int prefix = -1;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (code != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (mapped) prefix -= 96;
    if (prefix < 0 || prefix > longest) return std::nullopt;
    const IpBlock block = around(*address, prefix);
    if (!(block.network == *address)) return std::nullopt;
    return block;
}

IpBlock IpBlock::around(const IpAddress& address, int prefix) {
    Bytes bytes = address.bytes();
    for (int bit = 0; bit < 128; bit += 8) {
        const auto index = static_cast<std::size_t>(bit / 8);
        const int used = std::clamp(prefix - bit, 0, 8);
        bytes[index] &= static_cast<std::uint8_t>(0xFF00U >> static_cast<unsigned>(used));
    }
    IpBlock block{address, prefix};
    if (address.v4()) {
        sockaddr_in v4{};
        v4.sin_family = AF_INET;
        std::memcpy(&v4.sin_addr, bytes.data(), 4);
        block.network = *IpAddress::from(reinterpret_cast<const sockaddr&>(v4));
    } else {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        std::memcpy(&v6.sin6_addr, bytes.data(), 16);
        block.network = *IpAddress::from(reinterpret_cast<const sockaddr&>(v6));
    }
    return block;
}

bool IpBlock::contains(const IpAddress& address) const {
    return address.v4() == network.v4() && same_prefix(address.bytes(), network.bytes(), prefix);
}

bool IpBlock::contains(const IpBlock& other) const {
    return other.prefix >= prefix && contains(other.network);
}

std::string IpBlock::text() const {
    const bool single = prefix == (network.v4() ? 32 : 128);
    return single ? network.text() : network.text() + "/" + std::to_string(prefix);
}

}  // namespace remote_access
