// SPDX-License-Identifier: Apache-2.0
// proxy.no_proxy: which hosts are reached without the proxy. Pure: a name is compared as it is
// written and never resolved, so an address in the list does not exempt a name.
//   example.com, .example.com   this name and all below it, as thin-edge (reqwest's NoProxy) has it
//   *.example.com               all below it        *               everything
//   10.0.0.1, [fd00::1], 10.0.0.0/8, fd00::/8       and each with :port, IPv6 then in brackets
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.hpp"
#include "config/config.hpp"

namespace remote_access {

class NoProxy {
public:
    /// Entries are separated by commas or blanks.
    explicit NoProxy(std::string_view list);

    bool names(const HostPort& host) const;
    /// Entries that are of no such form. They exempt nothing.
    const std::vector<std::string>& unreadable() const { return unreadable_; }

private:
    struct Entry {
        std::string name;    // lower case; "" with `block`, or for everything
        bool itself = true;  // not only what is below the name
        std::optional<IpBlock> block;
        std::uint16_t port = 0;  // 0: every port
    };
    static std::optional<Entry> read(std::string_view text);

    std::vector<Entry> entries_;
    std::vector<std::string> unreadable_;
};

}  // namespace remote_access
