// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1 answer, from bytes to status and header lines: bounded, in pieces of any
// size, no descriptor and no clock. The only place that reads foreign HTTP; what the lines mean is
// for the callers (the cloud's upgrade, the proxy's CONNECT). Interim answers before it (1xx but
// 101, RFC 9110 §15.2) are passed over.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "forwarder/hidden.hpp"

namespace remote_access {

struct HttpField {
    std::string_view name, value;  ///< blanks around the value are gone
};

class HttpHead {
public:
    enum class State { kMore, kWhole, kMalformed };
    static constexpr std::size_t kMost = std::size_t{16} * 1024;

    /// After kWhole what is fed on is kept: rest() grows.
    State feed(std::string_view bytes);
    /// Why it is malformed. What it quotes is without secrets.
    std::string trouble(const Hidden& hidden) const;

    int status() const { return status_; }
    bool http_1_1() const { return http_1_1_; }
    /// "404 Not Found", its words cut at `limit` bytes, without secrets.
    std::string status_text(const Hidden& hidden, std::size_t limit) const;
    /// The header lines from the top, one a call; nothing: no more, or malformed() says so.
    std::optional<HttpField> next_field();
    bool malformed() const { return state_ == State::kMalformed; }
    std::string_view rest() const { return std::string_view(text_).substr(size_); }

private:
    State fail(std::string_view trouble);
    State read_head();
    void pass_over_interim();
    State read_status_line(std::string_view line);

    State state_ = State::kMore;
    std::string text_;
    std::size_t searched_ = 0, size_ = 0, next_ = 0;
    std::size_t interim_ = 0;  // bytes passed over
    std::string_view trouble_;
    int status_ = 0;
    bool http_1_1_ = false;
    std::string digits_, phrase_;
};

/// In any case of letters.
bool same_word(std::string_view a, std::string_view b);
/// Whether the comma-separated `list` has `word`, in any case.
bool lists(std::string_view list, std::string_view word);
/// Up to the next line feed, which goes too, with a carriage return before it.
std::string_view take_line(std::string_view& text);

}  // namespace remote_access
