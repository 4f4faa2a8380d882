// SPDX-License-Identifier: Apache-2.0
#include "spelling.hpp"

#include <algorithm>
#include <numeric>

namespace remote_access {
namespace {

constexpr std::size_t kMostSlips = 2;

/// Levenshtein's distance.
std::size_t slips_between(std::string_view one, std::string_view other) {
    std::vector<std::size_t> row(other.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < one.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < other.size(); ++j) {
            const std::size_t changed = diagonal + (one[i] == other[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({changed, diagonal + 1, row[j] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::string name_meant(std::string_view word, const std::vector<std::string>& names) {
    std::size_t fewest = kMostSlips + 1;
    std::string meant;
    for (const std::string& name : names) {
        const std::size_t slips = slips_between(word, name);
        if (slips >= fewest) continue;
        fewest = slips;
        meant = name;
    }
    return meant;
}

}  // namespace remote_access
