// SPDX-License-Identifier: Apache-2.0
#include "check/cure.hpp"

#include <cctype>
#include <utility>

namespace remote_access {
namespace {

constexpr std::string_view kBrokerGroup = "mqtt.client.";

struct Split {
    std::string text, cure;
};

/// "cloud c:443: connection refused (check c8y.http)"; brackets within the cure belong to it.
Split split(std::string sentence) {
    if (sentence.empty() || sentence.back() != ')') return {std::move(sentence), {}};
    int depth = 0;
    std::size_t at = sentence.size();
    while (at > 0) {
        --at;
        if (sentence[at] == ')') ++depth;
        if (sentence[at] == '(' && --depth == 0) break;
    }
    if (depth != 0 || at < 1) return {std::move(sentence), {}};
    Split parts{sentence.substr(0, at - 1), sentence.substr(at + 1)};
    parts.cure.pop_back();
    return parts;
}

bool is_part_of_a_key(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

/// Where `key` stands as a whole word; npos where it does not.
std::size_t find_key(std::string_view text, std::string_view key) {
    for (std::size_t at = text.find(key); at != std::string_view::npos;
         at = text.find(key, at + 1)) {
        const std::size_t end = at + key.size();
        const bool before = at > 0 && is_part_of_a_key(text[at - 1]);
        if (!before && (end == text.size() || !is_part_of_a_key(text[end]) || text[end] == '.'))
            return at;
    }
    return std::string_view::npos;
}

std::string places_of_group(std::string_view group, const Places& places) {
    std::string all;
    for (auto one = places.lower_bound(group);
         one != places.end() && one->first.compare(0, group.size(), group) == 0; ++one)
        all += (all.empty() ? "" : ", ") + one->first + " in " + one->second;
    return all;
}

}  // namespace

std::string cure_text(std::string_view cure, const Places& places) {
    std::string text(cure);
    for (const auto& [key, place] : places) {
        const std::size_t at = find_key(text, key);
        if (at != std::string::npos) text.insert(at + key.size(), " (" + place + ")");
    }
    const std::string group = std::string(kBrokerGroup) + "*";
    const std::size_t at = text.find(group);
    const std::string set = places_of_group(kBrokerGroup, places);
    if (at != std::string::npos && !set.empty()) text.insert(at + group.size(), " (" + set + ")");
    if (text.empty()) return text;
    // A sentence; the name of a setting stays as it is.
    if (text.substr(0, text.find(' ')).find('.') == std::string::npos)
        text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
    if (text.back() != '.' && text.back() != '?') text += '.';
    return text;
}

Step problem(std::string_view name, const Error& error, const Places& places,
             std::string_view otherwise) {
    Split parts = split(reason(error));
    return problem(name, std::move(parts.text),
                   cure_text(parts.cure.empty() ? otherwise : parts.cure, places));
}

}  // namespace remote_access
