// SPDX-License-Identifier: Apache-2.0
// Connection key, JWT and passwords. A Secret cannot be printed or compared by accident, is never
// copied unasked and overwrites its memory when it goes. reveal() is the only way in; what it
// gives must not reach a log line, an error, argv or a file.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace remote_access {

/// Overwrites the bytes of `text` (its whole capacity), then empties it.
void wipe(std::string& text);

class Secret {
public:
    Secret() = default;
    // Not moved: moving a short string leaves its bytes behind.
    explicit Secret(std::string text) : text_(text) { wipe(text); }
    ~Secret() { wipe(text_); }

    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    // A copy on purpose: see above. NOLINTNEXTLINE(performance-move-constructor-init)
    Secret(Secret&& other) noexcept : text_(other.text_) { wipe(other.text_); }
    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            wipe(text_);
            text_ = other.text_;
            wipe(other.text_);
        }
        return *this;
    }

    Secret clone() const { return Secret(text_); }
    bool empty() const { return text_.empty(); }
    std::string_view reveal() const { return text_; }

private:
    std::string text_;
};

}  // namespace remote_access
