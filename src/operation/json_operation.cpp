// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>
#include <utility>

#include "base/json.hpp"
#include "operation/checks.hpp"
#include "operation/formats.hpp"

namespace remote_access {
namespace {

constexpr std::string_view kFragment = "c8y_RemoteAccessConnect";

/// Cuts the first object off `rest`: up to its closing brace, or all where that is missing (the
/// parser then says so). One MQTT message may carry several, one a line.
std::string_view take_object(std::string_view& rest) {
    int depth = 0;
    bool quoted = false;
    std::size_t end = 0;
    while (end < rest.size()) {
        const char c = rest[end++];
        if (quoted && c == '\\') {
            end = std::min(end + 1, rest.size());
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && c == '{') {
            ++depth;
        } else if (!quoted && c == '}' && --depth <= 0) {
            break;
        }
    }
    const std::string_view object = rest.substr(0, end);
    rest.remove_prefix(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
    return object;
}

Result<std::string> id_of(const json::Value& object) {
    const json::Value* id = object.find("id");
    if (id == nullptr) return payload_error("is missing");
    if (const std::string* text = id->text()) return check_operation_id(*text);
    const std::int64_t* number = id->integer();
    return check_operation_id(number != nullptr ? std::to_string(*number) : std::string());
}

Result<std::string> host_of(const json::Value& fragment) {
    const json::Value* host = fragment.find("hostname");
    if (host == nullptr) return payload_error("is missing");
    if (host->text() == nullptr) return payload_error("is not a string");
    return check_host(*host->text());
}

Result<std::uint16_t> port_of(const json::Value& fragment) {
    const json::Value* port = fragment.find("port");
    if (port == nullptr) return payload_error("is missing");
    if (const std::string* text = port->text()) return check_port(*text);
    if (const std::int64_t* number = port->integer()) return check_port(*number);
    return payload_error("is not a whole number");
}

Result<Secret> key_of(json::Value& fragment) {
    json::Value* key = fragment.find("connectionKey");
    if (key == nullptr) return payload_error("is missing");
    if (key->text() == nullptr) return payload_error("is not a string");
    return check_key(Secret(std::exchange(*key->text(), {})));
}

Result<ConnectRequest> request_from(OperationId id, json::Value& fragment) {
    if (fragment.object() == nullptr)
        return payload_error("c8y_RemoteAccessConnect: is not an object");
    Result<std::string> host = host_of(fragment);
    Result<std::uint16_t> port = port_of(fragment);
    Result<Secret> key = key_of(fragment);
    if (!host) return placed("c8y_RemoteAccessConnect.hostname: ", host.error());
    if (!port) return placed("c8y_RemoteAccessConnect.port: ", port.error());
    if (!key) return placed("c8y_RemoteAccessConnect.connectionKey: ", key.error());
    return ConnectRequest{std::move(id), std::move(*host), *port, std::move(*key)};
}

ParsedOperation operation_from(json::Value& object, json::Value& fragment,
                               const std::string& place) {
    Result<std::string> id = id_of(object);
    OperationId operation{id ? *id : std::string()};
    Result<ConnectRequest> request = request_from(operation, fragment);
    if (!id) return {operation, placed(place + "id: ", id.error())};
    if (!request) return {operation, placed(place, request.error())};
    return {std::move(operation), std::move(request)};
}

}  // namespace

ParsedOperation parse_json_operation(std::string_view text) {
    std::string only_id;  // of a single object without the fragment: that one was meant
    for (int number = 1; !text.empty(); ++number) {
        const std::string_view part = take_object(text);
        const bool single = number == 1 && text.empty();
        const std::string place =
            single ? "JSON: " : "JSON object " + std::to_string(number) + ": ";
        Result<json::Value> object = json::parse(part);
        if (!object) return {{}, placed(single ? "" : place, object.error())};
        if (object->object() == nullptr) return {{}, payload_error(place + "is not an object")};
        if (json::Value* fragment = object->find(kFragment))
            return operation_from(*object, *fragment, place);
        if (const Result<std::string> id = id_of(*object); id && single) only_id = *id;
    }
    return {OperationId{only_id}, payload_error("JSON: c8y_RemoteAccessConnect is missing")};
}

}  // namespace remote_access
