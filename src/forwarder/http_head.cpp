// SPDX-License-Identifier: Apache-2.0
#include "forwarder/http_head.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace remote_access {
namespace {

constexpr std::string_view kProtocol = "HTTP/1.";
constexpr std::string_view kBlanks = " \t\r";
constexpr std::string_view kNotHttp = "not HTTP";

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Position after the empty line that ends the head; npos: not there yet.
std::size_t end_of_head(std::string_view text, std::size_t from) {
    for (std::size_t line = text.find('\n', from); line != std::string_view::npos;
         line = text.find('\n', line + 1)) {
        const std::string_view next = text.substr(line + 1, 2);
        if (next.substr(0, 1) == "\n") return line + 2;
        if (next == "\r\n") return line + 3;
    }
    return std::string_view::npos;
}

}  // namespace

bool same_word(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

bool lists(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (same_word(trimmed(list.substr(0, comma)), word)) return true;
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

std::string_view take_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return line;
}

HttpHead::State HttpHead::fail(std::string_view trouble) {
    trouble_ = trouble;
    return state_ = State::kMalformed;
}

HttpHead::State HttpHead::feed(std::string_view bytes) {
    if (state_ == State::kMalformed) return state_;
    text_.append(bytes);
    while (state_ == State::kMore && read_head() == State::kWhole) pass_over_interim();
    return state_;
}

void HttpHead::pass_over_interim() {
    const bool interim = status_ >= 100 && status_ <= 199 && status_ != 101;
    if (!interim) return;
    while (next_field().has_value()) {
    }
    if (malformed()) return;
    interim_ += size_;
    if (interim_ > kMost) {
        fail("too many 1xx answers");
        return;
    }
    text_.erase(0, size_);
    searched_ = size_ = next_ = 0;
    state_ = State::kMore;
}

HttpHead::State HttpHead::read_head() {
    const std::size_t known = std::min(text_.size(), kProtocol.size());
    if (text_.compare(0, known, kProtocol.substr(0, known)) != 0) return fail(kNotHttp);
    const std::size_t end = end_of_head(text_, searched_);
    if (std::min(end, text_.size()) > kMost) return fail("its head is larger than 16 KiB");
    if (end == std::string::npos) {
        searched_ = text_.size() < 3 ? 0 : text_.size() - 3;
        return state_;
    }
    size_ = end;
    std::string_view lines = std::string_view(text_).substr(0, end);
    const State state = read_status_line(take_line(lines));
    next_ = end - lines.size();
    return state;
}

/// "HTTP/1.1 404 Not Found"; the phrase may be missing.
HttpHead::State HttpHead::read_status_line(std::string_view line) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    const bool well_formed = line.size() >= 12 && is_digit(line[7]) && line[8] == ' ' &&
                             std::all_of(line.begin() + 9, line.begin() + 12, is_digit) &&
                             (line.size() == 12 || line[12] == ' ');
    if (!well_formed) return fail("its status line cannot be read");
    http_1_1_ = line[7] == '1';
    status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
    digits_ = line.substr(9, 3);
    phrase_ = trimmed(line.substr(12));
    return state_ = State::kWhole;
}

std::optional<HttpField> HttpHead::next_field() {
    std::string_view lines = std::string_view(text_).substr(next_, size_ - next_);
    std::string_view line;
    while (line.empty() && !lines.empty()) line = take_line(lines);
    next_ = size_ - lines.size();
    if (line.empty()) return std::nullopt;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0 || line[0] == ' ' || line[0] == '\t') {
        fail("a header line cannot be read");
        return std::nullopt;
    }
    return HttpField{line.substr(0, colon), trimmed(line.substr(colon + 1))};
}

std::string HttpHead::status_text(const Hidden& hidden, std::size_t limit) const {
    const std::string phrase = printable(hidden.in(phrase_), limit);
    return phrase.empty() ? digits_ : digits_ + " " + phrase;
}

std::string HttpHead::trouble(const Hidden& hidden) const {
    if (trouble_ != kNotHttp) return std::string(trouble_);
    return "not HTTP: \"" + printable(hidden.in(text_.substr(0, 200)), 40) + "\"";
}

}  // namespace remote_access
