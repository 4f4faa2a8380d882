// SPDX-License-Identifier: Apache-2.0
#include "forwarder/watch.hpp"

namespace remote_access {

Watch::Watch(asio::io_context& io, Fd descriptor) : socket_(io, descriptor.release()) {}

void Watch::want(bool read, bool write) {
    if (!socket_.is_open()) return;
    if (read && !reading_) wait(Wait::wait_read, &Watch::reading_);
    if (write && !writing_) wait(Wait::wait_write, &Watch::writing_);
}

void Watch::wait(Wait direction, bool Watch::*waiting) {
    this->*waiting = true;
    socket_.async_wait(direction, [self = shared_from_this(), waiting](const asio::error_code&) {
        (*self).*waiting = false;
        if (self->socket_.is_open() && self->on_ready_) self->on_ready_();
    });
}

void Watch::close() {
    asio::error_code ignored;
    socket_.close(ignored);
    on_ready_ = nullptr;
}

}  // namespace remote_access
