// SPDX-License-Identifier: Apache-2.0
// The loop in which the doctor's probes run beside one another, as they do in a session, under one
// deadline (limits.connect); its steps wait in it for what they report. Nothing waits elsewhere.
#pragma once

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <optional>

#include "base/time.hpp"

namespace remote_access {

/// What came of something and how long that took.
template <class T>
struct Outcome {
    std::optional<T> value;
    Milliseconds took{0};

    explicit operator bool() const { return value.has_value(); }
    void set(T what, Clock::time_point since) {
        if (value) return;  // the first counts
        value.emplace(std::move(what));
        took = std::chrono::duration_cast<Milliseconds>(Clock::now() - since);
    }
};

class ProbeLoop {
public:
    explicit ProbeLoop(Milliseconds patience);

    asio::io_context& io() { return io_; }
    /// For all probes together.
    Milliseconds patience() const { return patience_; }
    /// Runs until `done` says so; false: the deadline, or `at_most`, was over before.
    bool await(const std::function<bool()>& done,
               std::optional<Milliseconds> at_most = std::nullopt);

private:
    asio::io_context io_;
    // What is awaited is on other threads and in other processes.
    asio::executor_work_guard<asio::io_context::executor_type> keep_running_;
    Milliseconds patience_;
    Deadline deadline_;
};

}  // namespace remote_access
