// SPDX-License-Identifier: Apache-2.0
#include "policy/protocols.hpp"

#include <doctest/doctest.h>

#include <string>

#include "config/allow.hpp"

using namespace remote_access;

namespace {

using Ranges = std::vector<std::pair<std::uint16_t, std::uint16_t>>;

std::string allowed(const std::vector<Ranges>& rules, bool enabled = true) {
    OwnerConfig owner;
    owner.enabled = enabled;
    for (const Ranges& ports : rules) {
        AllowRule rule;
        rule.ports = ports;
        owner.allow.push_back(rule);
    }
    std::string text;
    for (const std::string_view name : allowed_protocols(owner))
        text.append(text.empty() ? "" : " ").append(name);
    return text;
}

}  // namespace

TEST_CASE("Protocols are those whose port some rule allows") {
    const struct {
        std::vector<Ranges> rules;
        const char* protocols;
    } cases[] = {
        {{{}}, "SSH VNC TELNET PASSTHROUGH"},
        {{{{22, 22}}}, "SSH"},
        {{{{5900, 5900}}}, "VNC"},
        {{{{23, 23}}}, "TELNET"},
        {{{{22, 23}}}, "SSH TELNET"},
        {{{{22, 24}}}, "SSH TELNET PASSTHROUGH"},
        {{{{5900, 5910}}}, "VNC PASSTHROUGH"},
        {{{{5901, 5910}}}, "PASSTHROUGH"},
        {{{{1, 21}, {24, 5899}, {5901, 65535}}}, "PASSTHROUGH"},
        {{{{1, 65535}}}, "SSH VNC TELNET PASSTHROUGH"},
        {{{{65535, 65535}}}, "PASSTHROUGH"},
        {{{{22, 22}}, {{5900, 5900}}, {{23, 23}}}, "SSH VNC TELNET"},
        {{{{22, 22}}, {}}, "SSH VNC TELNET PASSTHROUGH"},
    };
    for (const auto& one : cases) {
        CAPTURE(&one - cases);
        CHECK(allowed(one.rules) == one.protocols);
    }
    CHECK(allowed({{}}, false).empty());
}

TEST_CASE("Without a policy of its own a device offers everything") {
    OwnerConfig owner;
    owner.allow = default_allow_rules();
    CHECK(allowed_protocols(owner).size() == 4);
}
