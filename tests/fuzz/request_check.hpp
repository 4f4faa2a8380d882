// SPDX-License-Identifier: Apache-2.0
// What holds for every request that is served, whoever sent it.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <string>
#include <utility>

#include "operation/request.hpp"
#include "property.hpp"

namespace remote_access::fuzz {

inline bool in_set(std::string_view text, std::string_view set) {
    return text.find_first_not_of(set) == std::string_view::npos;
}

inline void check_request(const ConnectRequest& request) {
    require(request.port != 0, "a port is not 0");
    const std::string_view key = request.key.reveal();
    require(!key.empty() && key.size() <= 128, "a key has 1 to 128 characters");
    require(in_set(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"),
            "a key is part of a URL as it is");
    require(key != "." && key != "..", "a key names no other resource");
    require(in_set(request.operation.id, "0123456789") && request.operation.id.size() <= 32,
            "an operation id is of digits");

    const std::string& host = request.host;
    require(!host.empty() && host.size() <= 253, "a host has 1 to 253 characters");
    require(in_set(host, "abcdefghijklmnopqrstuvwxyz0123456789._-:"), "a host has one form", host);
    in_addr v4{};
    in6_addr v6{};
    const bool plain = ::inet_pton(AF_INET, host.c_str(), &v4) == 1;
    const bool six = ::inet_pton(AF_INET6, host.c_str(), &v6) == 1;
    require(has(host, ":") == six, "a host with a colon is an IPv6 address", host);
    require(!six || !IN6_IS_ADDR_V4MAPPED(&v6), "IPv4 in IPv6's clothes is IPv4", host);
    // What the resolver would take for an address is one in the form that the policy reads.
    require(plain || ::inet_aton(host.c_str(), &v4) == 0, "no IPv4 address in disguise", host);

    const Result<ConnectRequest> again =
        make_request(request.operation, host, request.port, request.key.clone());
    require(again.ok() && again->host == host, "an accepted request is accepted again", host);
}

}  // namespace remote_access::fuzz
