// SPDX-License-Identifier: Apache-2.0
#include "session/messages.hpp"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "base/json.hpp"

namespace remote_access::message {
namespace {

using json::Object;
using json::Value;

template <class E, std::size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<Published::State, 4> kStates{{{Published::State::kAnnounced, "announced"},
                                              {Published::State::kExecuting, "executing"},
                                              {Published::State::kSuccessful, "successful"},
                                              {Published::State::kFailed, "failed"}}};
constexpr Names<Ended::By, 3> kEnders{
    {{Ended::By::kTarget, "target"}, {Ended::By::kCloud, "cloud"}, {Ended::By::kUs, "us"}}};

template <class E, std::size_t N>
std::string_view name_of(const Names<E, N>& names, E wanted) {
    for (const auto& [value, name] : names) {
        if (value == wanted) return name;
    }
    return {};
}

template <class E, std::size_t N>
Result<E> value_of(const Names<E, N>& names, std::string_view wanted) {
    for (const auto& [value, name] : names) {
        if (name == wanted) return value;
    }
    return Error{Fault::kProcess, "peer", "sent an unknown value"};
}

Object fields(const Error& error) {
    return {
        {"fault", fault_name(error.fault)}, {"subject", error.subject}, {"detail", error.detail}};
}

Error error_from(const Value& value) {
    const auto fault = fault_from_name(value.text_at("fault"));
    return Error{fault.value_or(Fault::kSystem), std::string(value.text_at("subject")),
                 std::string(value.text_at("detail"))};
}

Result<std::uint16_t> number16(const Value& value, std::string_view key) {
    const std::int64_t number = value.integer_at(key);
    if (number < 0 || number > 0xFFFF)
        return Error{Fault::kProcess, "peer", "sent a number out of range"};
    return static_cast<std::uint16_t>(number);
}

// One pair of functions a type: to its fields, and from them.

Object fields(const Order& order) {
    Object environment;
    for (const auto& [name, value] : order.source.tedge_env) environment.emplace(name, value);
    return {{"operation", order.operation.id},
            {"host", order.host},
            {"port", order.port},
            {"key", order.key.reveal()},
            {"config_dir", order.source.config_dir},
            {"profile", order.source.profile},
            {"environment", std::move(environment)},
            {"log_level", log::level_name(order.log_level)}};
}

Result<Message> order_from(const Value& value) {
    const Result<std::uint16_t> port = number16(value, "port");
    if (!port) return port.error();
    for (const std::string_view needed : {"host", "key", "config_dir"}) {
        if (value.text_at(needed).empty())
            return Error{Fault::kProcess, "peer", "sent an order that is not complete"};
    }
    Order order;
    order.operation.id = value.text_at("operation");
    order.host = value.text_at("host");
    order.port = *port;
    order.key = Secret(std::string(value.text_at("key")));
    order.source.config_dir = value.text_at("config_dir");
    order.source.profile = value.text_at("profile");
    order.log_level = log::level_from_name(value.text_at("log_level")).value_or(log::Level::kInfo);
    const Value* environment = value.find("environment");
    if (environment != nullptr && environment->object() != nullptr) {
        for (const auto& [name, text] : *environment->object()) {
            if (text.text() != nullptr) order.source.tedge_env.emplace(name, *text.text());
        }
    }
    return Message(std::move(order));
}

Object fields(const Published& published) { return {{"state", name_of(kStates, published.state)}}; }

Result<Message> published_from(const Value& value) {
    const auto state = value_of(kStates, value.text_at("state"));
    if (!state) return state.error();
    return Message(Published{*state});
}

Object fields(const Seated& seated) { return {{"seat", seated.seat}}; }

Result<Message> seated_from(const Value& value) {
    return Message(Seated{std::string(value.text_at("seat"))});
}

Object fields(const Token& token) { return {{"jwt", token.jwt.reveal()}}; }
Object fields(const NoToken& none) { return fields(none.error); }
Object fields(const Failed& failed) { return fields(failed.error); }

Object fields(const Stop& stop) { return {{"code", stop.code}, {"text", stop.text}}; }

Result<Message> stop_from(const Value& value) {
    const Result<std::uint16_t> code = number16(value, "code");
    if (!code) return code.error();
    return Message(Stop{*code, std::string(value.text_at("text"))});
}

Object fields(const NeedCloud& need) {
    return {{"cause", fields(need.cause)}, {"fresh_token", need.fresh_token}};
}

Result<Message> need_cloud_from(const Value& value) {
    const Value* cause = value.find("cause");
    return Message(
        NeedCloud{cause != nullptr ? error_from(*cause) : Error{}, value.flag_at("fresh_token")});
}

Object fields(const Ended& ended) {
    return {{"by", name_of(kEnders, ended.by)},
            {"code", ended.code},
            {"detail", ended.detail},
            {"target_lacks", static_cast<std::int64_t>(ended.target_lacks)},
            {"cloud_lacks", ended.cloud_lacks}};
}

Result<Message> ended_from(const Value& value) {
    const auto by = value_of(kEnders, value.text_at("by"));
    if (!by) return by.error();
    const Result<std::uint16_t> code = number16(value, "code");
    if (!code) return code.error();
    Ended ended{*by, *code, std::string(value.text_at("detail"))};
    ended.target_lacks =
        static_cast<std::uint64_t>(std::max<std::int64_t>(value.integer_at("target_lacks"), 0));
    ended.cloud_lacks = value.flag_at("cloud_lacks");
    return Message(std::move(ended));
}

Object fields(const Log& log) {
    return {{"level", log::level_name(log.level)}, {"text", log.text}};
}

Result<Message> log_from(const Value& value) {
    return Message(Log{log::level_from_name(value.text_at("level")).value_or(log::Level::kInfo),
                       std::string(value.text_at("text"))});
}

template <class Empty>
Object fields(const Empty&) {
    static_assert(std::is_empty_v<Empty>);
    return {};
}

template <class Empty>
Result<Message> empty_from(const Value&) {
    return Message(Empty{});
}

Result<Message> token_from(const Value& value) {
    return Message(Token{Secret(std::string(value.text_at("jwt")))});
}
Result<Message> no_token_from(const Value& value) { return Message(NoToken{error_from(value)}); }
Result<Message> failed_from(const Value& value) { return Message(Failed{error_from(value)}); }

struct Kind {
    std::string_view name;
    Result<Message> (*read)(const Value&);
};

// In the order of the variant's alternatives.
constexpr std::array kKinds{
    Kind{"order", order_from},
    Kind{"published", published_from},
    Kind{"token", token_from},
    Kind{"no_token", no_token_from},
    Kind{"seated", seated_from},
    Kind{"duplicate", empty_from<Duplicate>},
    Kind{"cloud", empty_from<Cloud>},
    Kind{"target", empty_from<Target>},
    Kind{"stop", stop_from},
    Kind{"need_cloud", need_cloud_from},
    Kind{"ended", ended_from},
    Kind{"log", log_from},
    Kind{"need_token", empty_from<NeedToken>},
    Kind{"connected", empty_from<Connected>},
    Kind{"failed", failed_from},
    Kind{"passed", empty_from<Passed>},
    Kind{"check", empty_from<Check>},
};
static_assert(kKinds.size() == std::variant_size_v<Message>);

}  // namespace

std::string encode(const Message& message) {
    Object object = std::visit([](const auto& one) { return fields(one); }, message);
    object.emplace("type", kKinds.at(message.index()).name);
    return json::write(Value(std::move(object)));
}

Result<Message> decode(std::string_view datagram) {
    const Result<Value> value = json::parse(datagram);
    if (!value) return value.error();
    const std::string_view type = value->text_at("type");
    for (const Kind& kind : kKinds) {
        if (kind.name == type) return kind.read(*value);
    }
    return Error{Fault::kProcess, "peer", "sent a message of unknown type"};
}

}  // namespace remote_access::message
