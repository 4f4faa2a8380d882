// SPDX-License-Identifier: Apache-2.0
#include "policy/special.hpp"

#include <netinet/in.h>

#include <array>
#include <cstring>
#include <string_view>

namespace remote_access {
namespace {

struct Row {
    std::string_view block;
    std::string_view what;
};

// Smallest first. 169.254.169.254 and fd00:ec2::254 answer with the credentials of a cloud machine.
constexpr std::array kRanges{
    Row{"169.254.169.254", "the metadata address of cloud machines"},
    Row{"fd00:ec2::254", "the metadata address of cloud machines"},
    Row{"255.255.255.255", "the broadcast address"},
    Row{"::", "the unspecified address, which leads to this device"},
    Row{"169.254.0.0/16", "a link-local address"},
    Row{"0.0.0.0/8", "an unspecified address (0.0.0.0 leads to this device)"},
    Row{"224.0.0.0/4", "a multicast address"},
    Row{"fe80::/10", "a link-local address"},
    Row{"ff00::/8", "a multicast address"},
};

struct Embedding {
    std::string_view block;
    std::size_t offset;  // of the four bytes
};

// IPv4-compatible (RFC 4291 §2.5.5.1), NAT64 (RFC 6052 §2.1), 6to4 (RFC 3056 §2): a gateway, or
// this device, may take the IPv4 address out of them and go there.
constexpr std::array kEmbeddings{
    Embedding{"::/96", 12},
    Embedding{"64:ff9b::/96", 12},
    Embedding{"2002::/16", 2},
};

IpAddress v4_at(const IpAddress& address, std::size_t offset) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, address.bytes().data() + offset, 4);
    return *IpAddress::from(reinterpret_cast<const sockaddr&>(v4));
}

bool is_directed_broadcast(const IpAddress& address, const IpBlock& subnet) {
    // RFC 3021: a /31 has no broadcast address, and a /32 is an address.
    if (!address.v4() || subnet.prefix > 30 || !subnet.contains(address)) return false;
    std::uint32_t host = 0;
    std::memcpy(&host, address.bytes().data(), sizeof host);
    const std::uint32_t mask = 0xFFFFFFFFU >> static_cast<unsigned>(subnet.prefix);
    return (ntohl(host) & mask) == mask;
}

std::optional<SpecialRange> embedded_range(const IpAddress& address,
                                           const std::vector<IpBlock>& attached) {
    if (address.v4() || is_loopback(address)) return std::nullopt;
    for (const Embedding& embedding : kEmbeddings) {
        const IpBlock block = *IpBlock::parse(embedding.block);
        if (!block.contains(address)) continue;
        const IpAddress inner = v4_at(address, embedding.offset);
        const auto special = special_range(inner, attached);
        if (!special && !is_loopback(inner)) continue;
        const std::string inner_is = special ? special->what : "this device itself";
        return SpecialRange{block, "an IPv6 form of " + inner.text() + ", " + inner_is};
    }
    return std::nullopt;
}

}  // namespace

bool is_loopback(const IpAddress& address) {
    static const IpBlock kV4 = *IpBlock::parse("127.0.0.0/8");
    static const IpBlock kV6 = *IpBlock::parse("::1");
    return kV4.contains(address) || kV6.contains(address);
}

std::optional<SpecialRange> special_range(const IpAddress& address,
                                          const std::vector<IpBlock>& attached) {
    for (const IpBlock& subnet : attached) {
        if (is_directed_broadcast(address, subnet))
            return SpecialRange{IpBlock::around(address, 32),
                                "the broadcast address of " + subnet.text()};
    }
    for (const Row& row : kRanges) {
        const IpBlock block = *IpBlock::parse(row.block);
        if (block.contains(address)) return SpecialRange{block, std::string(row.what)};
    }
    return embedded_range(address, attached);
}

}  // namespace remote_access
