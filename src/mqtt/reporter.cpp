// SPDX-License-Identifier: Apache-2.0
#include "mqtt/reporter.hpp"

#include "base/log.hpp"

namespace remote_access {
namespace {

constexpr Milliseconds kWindowPoll{10};
/// As long as one process may hold the window, and as long as another waits for it.
constexpr Milliseconds kWindowLimit{60'000};

}  // namespace

StatusReporter::StatusReporter(asio::io_context& io, MqttConnection& connection, std::string prefix,
                               OperationId operation, int window, bool already_executing)
    : connection_(connection),
      prefix_(std::move(prefix)),
      operation_(std::move(operation)),
      window_(operation_.by_name() ? window : -1),
      stage_(already_executing ? Stage::kExecuting : Stage::kNew),
      window_timer_(io),
      hold_timer_(io) {}

void StatusReporter::start(Handlers handlers) {
    handlers_ = std::move(handlers);
    started_ = true;
    advance();
}

void StatusReporter::finish(FinalStatus status) {
    if (!final_) final_ = std::move(status);
    advance();
}

void StatusReporter::advance() {
    if (!started_ || in_flight_ || stage_ == Stage::kFinal) return;
    if (stage_ == Stage::kExecuting && !final_) return;
    if (!enter_window() || !connection_.is_up()) return;
    if (stage_ == Stage::kNew) {
        if (handlers_.before_executing) handlers_.before_executing();
        handlers_.before_executing = nullptr;
        publish(executing_text(operation_), Stage::kExecuting);
    } else {
        publish(final_text(operation_, *final_), Stage::kFinal);
    }
}

bool StatusReporter::enter_window() {
    if (window_ < 0 || in_window_) return true;
    if (!window_patience_) window_patience_ = Deadline::in(kWindowLimit);
    if (!try_lock(window_)) {
        if (!window_patience_->over()) {
            poll_window();
            return false;
        }
        log::warn("status window held by another process for too long: reporting without it");
        window_ = -1;
        return true;
    }
    in_window_ = true;
    hold_timer_.expires_after(kWindowLimit);
    hold_timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        const auto self = weak.lock();
        if (!error && self) self->leave_window();
    });
    return true;
}

Milliseconds StatusReporter::window_wait() const {
    if (window_ < 0 || in_window_) return Milliseconds(0);
    return window_patience_ ? window_patience_->left() : kWindowLimit;
}

void StatusReporter::poll_window() {
    window_timer_.expires_after(kWindowPoll);
    window_timer_.async_wait([weak = weak_from_this()](const asio::error_code& error) {
        const auto self = weak.lock();
        if (!error && self) self->advance();
    });
}

void StatusReporter::publish(const std::string& text, Stage reached) {
    in_flight_ = true;
    const std::weak_ptr<StatusReporter> weak = weak_from_this();
    connection_.publish(status_topic(prefix_), text, [weak, reached](const Result<void>& result) {
        const auto self = weak.lock();
        if (!self) return;
        self->in_flight_ = false;
        if (result) self->on_acknowledged(reached);
    });
}

void StatusReporter::on_acknowledged(Stage reached) {
    stage_ = reached;
    if (reached == Stage::kFinal) {
        leave_window();
        if (handlers_.on_final) handlers_.on_final();
        return;
    }
    if (handlers_.on_executing) handlers_.on_executing();
    advance();
}

void StatusReporter::leave_window() {
    hold_timer_.cancel();
    if (in_window_) unlock(window_);
    in_window_ = false;
    if (stage_ != Stage::kFinal) window_ = -1;  // held to the limit: the rest goes without it
}

}  // namespace remote_access
