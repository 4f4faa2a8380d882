// SPDX-License-Identifier: Apache-2.0
#include "forwarder/websocket.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <exception>
#include <vector>
#include <websocketpp/close.hpp>
#include <websocketpp/extensions/permessage_deflate/disabled.hpp>
#include <websocketpp/http/request.hpp>
#include <websocketpp/http/response.hpp>
#include <websocketpp/processors/hybi13.hpp>

#include "forwarder/masking.hpp"

namespace remote_access {
namespace {

namespace frame = websocketpp::frame;
namespace close_status = websocketpp::close::status;

constexpr std::size_t kInbox = std::size_t{64} * 1024;

/// websocketpp's message. The one for data is never replaced: it is the inbox into which the
/// payload of all messages runs, so nothing is collected and nothing is allocated.
class Message {
public:
    using ptr = std::shared_ptr<Message>;

    std::string& get_raw_payload() { return payload_; }
    const std::string& get_payload() const { return payload_; }
    const std::string& get_header() const { return header_; }
    void set_header(const std::string& header) { header_ = header; }
    frame::opcode::value get_opcode() const { return opcode_; }
    void set_opcode(frame::opcode::value opcode) { opcode_ = opcode; }
    bool get_compressed() const { return false; }
    void set_compressed(bool) {}
    bool get_fin() const { return true; }
    void set_prepared(bool) {}

private:
    std::string header_, payload_;
    frame::opcode::value opcode_ = frame::opcode::BINARY;
};

struct Messages {
    using ptr = std::shared_ptr<Messages>;
    using message_ptr = Message::ptr;

    /// For each frame that begins a message. Its announced length reserves nothing.
    message_ptr get_message(frame::opcode::value opcode, std::size_t) const {
        const message_ptr& message = frame::opcode::is_control(opcode) ? control : data;
        message->set_opcode(opcode);
        if (message == control) control->get_raw_payload().clear();
        return message;
    }

    message_ptr data = std::make_shared<Message>();
    message_ptr control = std::make_shared<Message>();
};

/// What websocketpp's processor asks of a configuration.
struct Config {
    using request_type = websocketpp::http::parser::request;
    using response_type = websocketpp::http::parser::response;
    using message_type = Message;
    using con_msg_manager_type = Messages;
    using rng_type = RandomNumbers;
    struct Deflate {
        using request_type = Config::request_type;
    };
    using permessage_deflate_type = websocketpp::extensions::permessage_deflate::disabled<Deflate>;
    static constexpr bool enable_extensions = true;
    static constexpr std::size_t max_message_size = WebSocketCodec::kLongestFrame;
};

using Processor = websocketpp::processor::hybi13<Config>;

}  // namespace

struct WebSocketCodec::Machine {
    Machine() { processor.client_handshake_request(request, address, {}); }

    void consume(std::uint8_t* bytes, std::size_t size);
    void on_control(const Message& message);
    void on_close(const std::string& payload);
    void add_pong(const std::string& payload);
    void refuse(std::uint16_t code, std::string why) { violation = Close{code, std::move(why)}; }
    Bytes control_frame();
    bool over() const { return closed.has_value() || violation.has_value(); }

    RandomNumbers random;
    Messages::ptr messages = std::make_shared<Messages>();
    Processor processor{true, false, messages, random};
    // Only the key is taken from websocketpp's request: ours has secrets in it and is wiped.
    websocketpp::uri_ptr address = std::make_shared<websocketpp::uri>(true, "cloud", "/");
    Config::request_type request;
    std::size_t taken = 0;  // of the inbox
    std::optional<Close> closed, violation;
    Message::ptr outgoing = std::make_shared<Message>();
    std::array<std::uint8_t, kMostControl> control{};
    std::array<std::uint8_t, 4 * kMostControl> pongs{};
    std::size_t pongs_size = 0;
};

void WebSocketCodec::Machine::consume(std::uint8_t* bytes, std::size_t size) {
    while (size > 0 && !over()) {
        websocketpp::lib::error_code error;
        // No more than it needs next, so that a length is looked at before its payload is taken.
        const std::size_t step = std::min(size, processor.get_bytes_needed());
        const std::size_t used = processor.consume(bytes, step, error);
        bytes += used;
        size -= used;
        // websocketpp adds a continuation's length to what waits in the inbox, and may wrap; where
        // std::size_t has 32 bits it has another word for 4 GiB.
        namespace protocol = websocketpp::processor::error;
        if (error ? error == make_error_code(protocol::requires_64bit)
                  : processor.get_bytes_needed() > kLongestFrame)
            error = make_error_code(protocol::message_too_big);
        if (error) {
            auto code = websocketpp::processor::error::to_ws(error);
            if (code == close_status::internal_endpoint_error) code = close_status::protocol_error;
            refuse(code, error.message());
        } else if (processor.ready()) {
            const Message::ptr message = processor.get_message();
            if (frame::opcode::is_control(message->get_opcode())) on_control(*message);
        } else if (used == 0) {
            refuse(close_status::protocol_error, "the stream cannot be read any further");
        }
    }
}

void WebSocketCodec::Machine::on_control(const Message& message) {
    if (message.get_opcode() == frame::opcode::CLOSE) on_close(message.get_payload());
    if (message.get_opcode() == frame::opcode::PING) add_pong(message.get_payload());
}

void WebSocketCodec::Machine::on_close(const std::string& payload) {
    websocketpp::lib::error_code error;
    const auto code = websocketpp::close::extract_code(payload, error);
    if (error) return refuse(close_status::protocol_error, "Invalid close code");
    std::string reason = websocketpp::close::extract_reason(payload, error);
    if (error) return refuse(close_status::protocol_error, "Invalid close reason");
    closed = Close{code, std::move(reason)};
}

void WebSocketCodec::Machine::add_pong(const std::string& payload) {
    if (processor.prepare_pong(payload, outgoing)) return;
    const std::string& header = outgoing->get_header();
    const std::string& body = outgoing->get_payload();
    // RFC 6455 §5.5.3: of pings not yet answered, only the latest needs an answer.
    if (pongs_size + header.size() + body.size() > pongs.size()) pongs_size = 0;
    std::uint8_t* to = std::copy(header.begin(), header.end(), pongs.begin() + pongs_size);
    pongs_size = static_cast<std::size_t>(std::copy(body.begin(), body.end(), to) - pongs.begin());
}

WebSocketCodec::Bytes WebSocketCodec::Machine::control_frame() {
    const std::string& header = outgoing->get_header();
    const std::string& body = outgoing->get_payload();
    std::uint8_t* to = std::copy(header.begin(), header.end(), control.begin());
    std::copy(body.begin(), body.end(), to);
    return {control.data(), header.size() + body.size()};
}

WebSocketCodec::WebSocketCodec() : machine_(std::make_unique<Machine>()) {}
WebSocketCodec::~WebSocketCodec() = default;
WebSocketCodec::WebSocketCodec(WebSocketCodec&&) noexcept = default;

const std::string& WebSocketCodec::key() const {
    return machine_->request.get_header("Sec-WebSocket-Key");
}

bool WebSocketCodec::accepts(std::string_view accept) const {
    try {
        Config::response_type answer;  // websocketpp never sees the real one: upgrade.cpp read it
        answer.set_status(websocketpp::http::status_code::switching_protocols);
        answer.replace_header("Upgrade", "websocket");
        answer.replace_header("Connection", "Upgrade");
        answer.replace_header("Sec-WebSocket-Accept", std::string(accept));
        return !machine_->processor.validate_server_handshake_response(machine_->request, answer);
    } catch (const std::exception&) {
        return false;
    }
}

void WebSocketCodec::feed(std::uint8_t* bytes, std::size_t size) {
    std::string& inbox = machine_->messages->data->get_raw_payload();
    try {
        if (inbox.capacity() < kInbox) inbox.reserve(kInbox);
        machine_->consume(bytes, size);
    } catch (const std::exception&) {  // a continuation frame longer than the address space
        machine_->refuse(close_status::message_too_big, "A message was too large");
    }
}

std::string_view WebSocketCodec::payload() const {
    const std::string_view inbox = machine_->messages->data->get_payload();
    return inbox.substr(machine_->taken);
}

void WebSocketCodec::take(std::size_t count) {
    std::string& inbox = machine_->messages->data->get_raw_payload();
    machine_->taken += count;
    assert(machine_->taken <= inbox.size());
    if (machine_->taken < inbox.size()) return;
    machine_->taken = 0;
    inbox.clear();
    // websocketpp reserves the announced length of a continuation frame: give it back, untouched.
    if (inbox.capacity() > 2 * kInbox) std::string().swap(inbox);
}

const std::optional<WebSocketCodec::Close>& WebSocketCodec::closed() const {
    return machine_->closed;
}
const std::optional<WebSocketCodec::Close>& WebSocketCodec::violation() const {
    return machine_->violation;
}

WebSocketCodec::Bytes WebSocketCodec::pongs() const {
    return {machine_->pongs.data(), machine_->pongs_size};
}
void WebSocketCodec::pongs_taken() { machine_->pongs_size = 0; }

WebSocketCodec::Bytes WebSocketCodec::seal(std::uint8_t* buffer, std::size_t payload) {
    assert(payload <= kMostPayload);
    frame::masking_key_type key;
    key.i = machine_->random();
    const frame::basic_header basic(frame::opcode::BINARY, payload, true, true);
    const frame::extended_header extended(payload, key.i);
    const std::string header = frame::prepare_header(basic, extended);  // 8 bytes: no allocation
    std::uint8_t* start = buffer + kHeaderRoom - header.size();
    std::copy(header.begin(), header.end(), start);
    MaskingKey key_bytes{};
    std::copy(std::begin(key.c), std::end(key.c), key_bytes.begin());
    mask(buffer + kHeaderRoom, payload, key_bytes);
    return {start, header.size() + payload};
}

WebSocketCodec::Bytes WebSocketCodec::ping() {
    machine_->processor.prepare_ping({}, machine_->outgoing);
    return machine_->control_frame();
}

WebSocketCodec::Bytes WebSocketCodec::close(std::uint16_t code, std::string_view reason) {
    constexpr std::size_t kLongestReason = 123;
    const std::string text(reason.substr(0, kLongestReason));
    if (machine_->processor.prepare_close(code, text, machine_->outgoing))
        machine_->processor.prepare_close(close_status::no_status, {}, machine_->outgoing);
    return machine_->control_frame();
}

}  // namespace remote_access
