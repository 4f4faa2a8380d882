// SPDX-License-Identifier: Apache-2.0
// What a process of ours says to another, which may have been taken over: any datagram is a message
// or an error, over the socket as in memory; and every message arrives as it was sent.
#include "session/messages.hpp"

#include <fuzzer/FuzzedDataProvider.h>
#include <sys/socket.h>

#include "base/utf8.hpp"
#include "property.hpp"
#include "request_check.hpp"
#include "session/channel.hpp"

namespace remote_access {
namespace {

using namespace fuzz;
namespace m = message;

std::string encoded_again(const m::Message& message) {
    const std::string once = m::encode(message);
    const Result<m::Message> back = m::decode(once);
    require(back.ok(), "what is encoded is decoded", once);
    require(back->index() == message.index(), "a message keeps its type", once);
    require(m::encode(*back) == once, "a message arrives as it was sent", once);
    return once;
}

void check_parts(const m::Message& message) {
    if (const auto* failed = std::get_if<m::Failed>(&message)) check_reason(failed->error);
    if (const auto* none = std::get_if<m::NoToken>(&message)) check_reason(none->error);
    if (const auto* need = std::get_if<m::NeedCloud>(&message)) check_reason(need->cause);
    const auto* order = std::get_if<m::Order>(&message);
    if (order == nullptr) return;
    const Result<ConnectRequest> request =
        make_request(order->operation, order->host, order->port, order->key.clone());
    if (request) return check_request(*request);
    check_reason(request.error());
    check_hides(request.error());
}

/// The same as decode(), over a socket.
void check_received(std::string_view datagram, bool decodes) {
    static const std::pair<Fd, Fd> ends = channel_pair().value();
    require(::send(ends.first.get(), datagram.data(), datagram.size(), MSG_DONTWAIT) ==
                static_cast<ssize_t>(datagram.size()),
            "the datagram can be sent");
    const Result<std::optional<Received>> received = receive_message(ends.second.get());
    require(received.ok() == decodes, "a datagram is what it decodes to");
    require(!received.ok() || received->has_value(), "a datagram is not passed over");
    const Result<std::optional<Received>> nothing = receive_message(ends.second.get());
    require(nothing.ok() && !nothing->has_value(), "a datagram is taken whole");
}

void check_datagram(std::string_view datagram) {
    const Result<m::Message> message = m::decode(datagram);
    if (message) {
        encoded_again(*message);
        check_parts(*message);
    } else {
        check_reason(message.error());
        check_hides(message.error());
    }
    // An empty datagram is the end of the connection for a receiver.
    if (!datagram.empty() && datagram.size() <= m::kLongest) check_received(datagram, message.ok());
}

Error error_of(FuzzedDataProvider& data) {
    return {static_cast<Fault>(data.ConsumeIntegralInRange(0, static_cast<int>(Fault::kSystem))),
            data.ConsumeRandomLengthString(600), data.ConsumeRandomLengthString(600)};
}

m::Order order_of(FuzzedDataProvider& data) {
    m::Order order;
    order.operation.id = data.ConsumeRandomLengthString(40);
    order.host = "h" + data.ConsumeRandomLengthString(260);
    order.port = data.ConsumeIntegral<std::uint16_t>();
    order.key = Secret("k" + data.ConsumeRandomLengthString(130));
    order.source.config_dir = "/" + data.ConsumeRandomLengthString(100);
    order.source.profile = data.ConsumeRandomLengthString(40);
    order.log_level = static_cast<log::Level>(data.ConsumeIntegralInRange(0, 4));
    while (data.ConsumeBool()) {
        // Names come from the environment's TEDGE_*: ASCII.
        std::string name = "TEDGE_" + data.ConsumeRandomLengthString(20);
        for (char& c : name) c = static_cast<char>(c & 0x7F);
        order.source.tedge_env[name] = data.ConsumeRandomLengthString(60);
    }
    return order;
}

m::Message message_of(FuzzedDataProvider& data) {
    const auto code = data.ConsumeIntegral<std::uint16_t>();
    switch (data.ConsumeIntegralInRange(0, 9)) {
        case 0:
            return m::Token{Secret(data.ConsumeRandomLengthString(2000))};
        case 1:
            return m::NoToken{error_of(data)};
        case 2:
            return m::Published{static_cast<m::Published::State>(code % 4)};
        case 3:
            return m::Stop{code, data.ConsumeRandomLengthString(200)};
        case 4:
            return m::NeedCloud{error_of(data), data.ConsumeBool()};
        case 5:
            return m::Ended{static_cast<m::Ended::By>(code % 3), code,
                            data.ConsumeRandomLengthString(200)};
        case 6:
            return m::Log{static_cast<log::Level>(code % 5), data.ConsumeRandomLengthString(500)};
        case 7:
            return m::Failed{error_of(data)};
        case 8:
            return m::Seated{};
        default:
            return order_of(data);
    }
}

std::string ascii_or_whole(std::string text) {
    if (!invalid_utf8_at(text)) return text;
    for (char& c : text) c = static_cast<unsigned char>(c) < 0x80 ? c : '?';
    return text;
}

void check_message(FuzzedDataProvider& data) {
    const m::Message message = message_of(data);
    const std::string once = encoded_again(message);
    const auto* order = std::get_if<m::Order>(&message);
    if (order == nullptr) return;
    const Result<m::Message> decoded = m::decode(once);
    const auto& back = std::get<m::Order>(*decoded);
    require(back.host == ascii_or_whole(order->host) && back.port == order->port &&
                back.key.reveal() == ascii_or_whole(std::string(order->key.reveal())) &&
                back.operation.id == ascii_or_whole(order->operation.id) &&
                back.source.config_dir == ascii_or_whole(order->source.config_dir) &&
                back.source.profile == ascii_or_whole(order->source.profile) &&
                back.source.tedge_env.size() == order->source.tedge_env.size() &&
                back.log_level == order->log_level,
            "an order arrives as it was sent", once);
}

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    remote_access::check_datagram(remote_access::fuzz::as_text(data, size));
    FuzzedDataProvider provider(data, size);
    remote_access::check_message(provider);
    return 0;
}
