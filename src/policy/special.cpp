// SPDX-License-Identifier: Apache-2.0
#include "policy/special.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace remote_access {
namespace {

struct Row {
    std::string_view block;
    std::string_view what;
};

constexpr std::string_view kMetadata = "a metadata address of cloud machines";

// Smallest first. A metadata address answers with the credentials of a cloud machine: of AWS,
// Google, Azure, OpenStack and most others (169.254.169.254), of AWS's containers (…170.2,
// …170.23), of AWS, Google and Scaleway over IPv6, of Alibaba, Oracle and Azure's wire server.
constexpr std::array kRanges{
    Row{"169.254.169.254", kMetadata},
    Row{"169.254.170.2", kMetadata},
    Row{"169.254.170.23", kMetadata},
    Row{"fd00:ec2::254", kMetadata},
    Row{"fd00:ec2::23", kMetadata},
    Row{"fd20:ce::254", kMetadata},
    Row{"fd00:42::42", kMetadata},
    Row{"100.100.100.200", kMetadata},
    Row{"192.0.0.192", kMetadata},
    Row{"168.63.129.16", kMetadata},
    Row{"255.255.255.255", "the broadcast address"},
    Row{"::", "the unspecified address, which leads to this device"},
    Row{"64:ff9b:1::/48", "a local NAT64 address, which hides an IPv4 address"},
    Row{"2001::/32", "a Teredo address, which hides an IPv4 address"},
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

// IPv4-compatible (RFC 4291 §2.5.5.1), translated (RFC 2765 §2.1), NAT64 (RFC 6052 §2.1), 6to4
// (RFC 3056 §2): a gateway, or this device, may take the IPv4 address out of them and go there.
// Those whose IPv4 address stands in no fixed place (RFC 8215, Teredo) are special as a whole.
constexpr std::array kEmbeddings{
    Embedding{"::/96", 12},
    Embedding{"::ffff:0:0:0/96", 12},
    Embedding{"64:ff9b::/96", 12},
    Embedding{"2002::/16", 2},
};
constexpr std::size_t kIsatapOffset = 12;

IpAddress v4_at(const IpAddress& address, std::size_t offset) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, address.bytes().data() + offset, 4);
    return *IpAddress::from(reinterpret_cast<const sockaddr&>(v4));
}

/// Of an IPv4 subnet: all bits of the host set.
IpAddress last_of(const IpBlock& subnet) {
    std::uint32_t host = 0;
    std::memcpy(&host, subnet.network.bytes().data(), sizeof host);
    const std::uint32_t mask =
        subnet.prefix > 31 ? 0 : 0xFFFFFFFFU >> static_cast<unsigned>(subnet.prefix);
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_addr.s_addr = host | htonl(mask);
    return *IpAddress::from(reinterpret_cast<const sockaddr&>(v4));
}

bool is_directed_broadcast(const IpAddress& address, const IpBlock& subnet) {
    // RFC 3021: a /31 has no broadcast address, and a /32 is an address.
    return address.v4() && subnet.network.v4() && subnet.prefix <= 30 && address == last_of(subnet);
}

/// ISATAP (RFC 5214 §6.1): the IPv4 address behind 0000:5efe or 0200:5efe, in any network.
bool is_isatap(const IpAddress& address) {
    const auto& bytes = address.bytes();
    return (bytes[8] & 0xFDU) == 0 && bytes[9] == 0 && bytes[10] == 0x5E && bytes[11] == 0xFE;
}

std::optional<SpecialRange> unwrapped(const IpBlock& block, const IpAddress& inner,
                                      const NetworkView& network) {
    const auto special = special_range(inner, network);
    if (!special && !is_own(inner, network)) return std::nullopt;
    const std::string inner_is = special ? special->what : "this device itself";
    return SpecialRange{block, "an IPv6 form of " + inner.text() + ", " + inner_is};
}

std::optional<SpecialRange> embedded_range(const IpAddress& address, const NetworkView& network) {
    if (address.v4() || is_loopback(address)) return std::nullopt;
    for (const Embedding& embedding : kEmbeddings) {
        const IpBlock block = *IpBlock::parse(embedding.block);
        if (!block.contains(address)) continue;
        if (auto found = unwrapped(block, v4_at(address, embedding.offset), network)) return found;
    }
    if (!is_isatap(address)) return std::nullopt;
    return unwrapped(IpBlock::around(address, 96), v4_at(address, kIsatapOffset), network);
}

}  // namespace

bool is_loopback(const IpAddress& address) {
    static const IpBlock kV4 = *IpBlock::parse("127.0.0.0/8");
    static const IpBlock kV6 = *IpBlock::parse("::1");
    return kV4.contains(address) || kV6.contains(address);
}

bool is_own(const IpAddress& address, const NetworkView& network) {
    return is_loopback(address) ||
           std::find(network.own.begin(), network.own.end(), address) != network.own.end() ||
           std::any_of(network.own_networks.begin(), network.own_networks.end(),
                       [&address](const IpBlock& block) { return block.contains(address); });
}

std::optional<SpecialRange> special_range(const IpAddress& address, const NetworkView& network) {
    for (const IpBlock& subnet : network.attached) {
        if (is_directed_broadcast(address, subnet))
            return SpecialRange{IpBlock::around(address, 32),
                                "the broadcast address of " + subnet.text()};
    }
    for (const Row& row : kRanges) {
        const IpBlock block = *IpBlock::parse(row.block);
        if (block.contains(address)) return SpecialRange{block, std::string(row.what)};
    }
    return embedded_range(address, network);
}

std::vector<SpecialRange> special_ranges(const NetworkView& network) {
    std::vector<SpecialRange> ranges;
    ranges.reserve(std::size(kRanges));
    for (const Row& row : kRanges)
        ranges.push_back({*IpBlock::parse(row.block), std::string(row.what)});
    for (const IpBlock& subnet : network.attached) {
        if (!subnet.network.v4() || subnet.prefix > 30) continue;
        ranges.push_back(
            {IpBlock::around(last_of(subnet), 32), "the broadcast address of " + subnet.text()});
    }
    for (const Embedding& embedding : kEmbeddings)
        ranges.push_back({*IpBlock::parse(embedding.block),
                          "where it is an IPv6 form of one of these, or of this device"});
    return ranges;
}

}  // namespace remote_access
