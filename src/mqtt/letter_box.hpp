// SPDX-License-Identifier: Apache-2.0
// What Paho's threads have to say, on its way into the caller's loop. They outlive the loop: a
// client is abandoned, never stopped. Once closed, the letter box drops what comes; it may be
// closed and written to by different threads at the same moment.
#pragma once

#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <functional>
#include <mutex>
#include <utility>

namespace remote_access {

class LetterBox {
public:
    explicit LetterBox(asio::io_context& io) : io_(&io) {}

    void post(std::function<void()> call) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (io_ != nullptr) asio::post(*io_, std::move(call));
    }

    /// Afterwards the loop is not touched any more, also not by a call that is under way.
    void close() {
        const std::lock_guard<std::mutex> lock(mutex_);
        io_ = nullptr;
    }

private:
    std::mutex mutex_;
    asio::io_context* io_;
};

}  // namespace remote_access
