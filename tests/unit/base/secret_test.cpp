// SPDX-License-Identifier: Apache-2.0
#include "base/secret.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <new>
#include <type_traits>
#include <vector>

namespace remote_access {
namespace {

const std::string kShort = "fifteen-letters";  // within the string itself
const std::string kLong(100, 'k');

bool zeros(const char* begin, std::size_t count) {
    return std::all_of(begin, begin + count, [](char c) { return c == '\0'; });
}

TEST_CASE("a secret is neither copied, printed nor compared by accident") {
    CHECK_FALSE(std::is_copy_constructible_v<Secret>);
    CHECK_FALSE(std::is_copy_assignable_v<Secret>);
    CHECK_FALSE(std::is_convertible_v<Secret, std::string>);
    CHECK_FALSE(std::is_convertible_v<Secret, std::string_view>);
    CHECK_FALSE(std::is_convertible_v<std::string, Secret>);
}

TEST_CASE("wiping overwrites the whole capacity") {
    for (const std::string& text : {kShort, kLong}) {
        std::string victim = text;
        victim.resize(5);  // what was cut off is still there
        const char* const bytes = victim.data();
        const std::size_t capacity = victim.capacity();
        wipe(victim);
        CHECK(victim.empty());
        CHECK(victim.data() == bytes);
        CHECK(zeros(bytes, capacity));
    }
}

TEST_CASE("a moved secret leaves nothing behind") {
    for (const std::string& text : {kShort, kLong}) {
        Secret from{text};
        const char* const bytes = from.reveal().data();
        Secret to{std::move(from)};
        CHECK(to.reveal() == text);
        CHECK(zeros(bytes, text.size()));
        Secret assigned{"before"};
        assigned = std::move(to);
        CHECK(assigned.reveal() == text);
        CHECK(assigned.clone().reveal() == text);
    }
}

TEST_CASE("a secret assigned to itself stays") {
    Secret secret{kLong};
    Secret& same = secret;
    secret = std::move(same);
    CHECK(secret.reveal() == kLong);
}

TEST_CASE("a secret that goes leaves no byte of a short text in its place") {
    alignas(Secret) unsigned char place[sizeof(Secret)];
    Secret* secret = new (place) Secret{kShort};
    REQUIRE(secret->reveal() == kShort);
    secret->~Secret();
    const auto* const bytes = reinterpret_cast<const char*>(place);
    CHECK(std::search(bytes, bytes + sizeof place, kShort.begin() + 1, kShort.begin() + 5) ==
          bytes + sizeof place);
}

}  // namespace
}  // namespace remote_access
