// SPDX-License-Identifier: Apache-2.0
#include "forwarder/hidden.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.hpp"

namespace remote_access {
namespace {

void replace_all(std::string& text, std::string_view what) {
    constexpr std::string_view kInstead = "***";
    if (what.empty()) return;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
        text.replace(at, what.size(), kInstead);
        at += kInstead.size();
    }
    // The text may have been cut in the middle of it.
    for (std::size_t size = std::min(what.size(), text.size()); size >= 4; --size) {
        if (text.compare(text.size() - size, size, what.substr(0, size)) != 0) continue;
        text.replace(text.size() - size, size, kInstead);
        return;
    }
}

}  // namespace

void Hidden::add(Secret secret) { secrets_.push_back(std::move(secret)); }

std::string Hidden::in(std::string text) const {
    for (const Secret& secret : secrets_) replace_all(text, secret.reveal());
    // And once more in what will be shown: bytes that printable() drops may have split a secret.
    text = printable(text, text.size());
    for (const Secret& secret : secrets_) replace_all(text, secret.reveal());
    return text;
}

}  // namespace remote_access
