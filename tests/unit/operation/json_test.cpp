// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "operation/request.hpp"

namespace remote_access {
namespace {

const char* const kReal =
    R"({"delivery":{"log":[],"time":"2023-02-08T06:51:19.350Z","status":"PENDING"},)"
    R"("agentId":"22519994","creationTime":"2023-02-08T06:51:19.318Z","deviceId":"22519994",)"
    R"("id":"522559","status":"PENDING","description":"Opening remote access tunnel to 'RealSSH'",)"
    R"("c8y_RemoteAccessConnect":{"hostname":"127.0.0.1","port":22,)"
    R"("connectionKey":"5d49dd41-a843-4ee5-ae22-6a1e308fda65"},)"
    R"("externalSource":{"externalId":"raspberrypi_001","type":"c8y_Serial"}})";

TEST_CASE("a real operation is read") {
    const ParsedOperation parsed = parse_operation(kReal);
    REQUIRE(parsed.request.ok());
    CHECK(parsed.operation.id == "522559");
    CHECK(parsed.request->operation.id == "522559");
    CHECK(parsed.request->target() == "127.0.0.1:22");
    CHECK(parsed.request->key.reveal() == "5d49dd41-a843-4ee5-ae22-6a1e308fda65");
}

std::string operation(const std::string& id, const std::string& fragment) {
    return "{" + (id.empty() ? "" : "\"id\":" + id + ",") +
           "\"c8y_RemoteAccessConnect\":" + fragment + "}";
}

std::string with_port(const std::string& port) {
    return operation("\"7\"", R"({"hostname":"h","port":)" + port + R"(,"connectionKey":"k"})");
}

struct Good {
    std::string payload;
    const char* id;
    const char* target;
};

const char* const kPlain = R"({"hostname":"h","port":22,"connectionKey":"k"})";

const Good kGood[] = {
    {operation("\"7\"", kPlain), "7", "h:22"},
    {operation("7", kPlain), "7", "h:22"},
    {operation("12345678901234567", kPlain), "12345678901234567", "h:22"},
    {" \n" + operation("\"7\"", kPlain) + "\r\n", "7", "h:22"},
    {with_port("\"5900\""), "7", "h:5900"},
    {operation("\"7\"", R"({"hostname":"[::1]","port":1,"connectionKey":"k","more":[{}]})"), "7",
     "[::1]:1"},
    {"{\n  \"id\": \"7\",\n  \"c8y_RemoteAccessConnect\": " + std::string(kPlain) + "\n}\n", "7",
     "h:22"},
    {"{\"id\":\"1\",\"c8y_Restart\":{}}\n" + operation("\"2\"", kPlain), "2", "h:22"},
    {"{\"id\":\"1\",\"a\":\"}{\\\"}\"}\r\n" + operation("\"2\"", kPlain) + "\n" +
         operation("\"3\"", kPlain),
     "2", "h:22"},
    {operation("\"2\"", kPlain) + "\nnot read any more", "2", "h:22"},
};

TEST_CASE("an operation as JSON becomes a request with its id") {
    for (const Good& row : kGood) {
        CAPTURE(row.payload);
        const ParsedOperation parsed = parse_operation(row.payload);
        REQUIRE(parsed.request.ok());
        CHECK(parsed.operation.id == row.id);
        CHECK(parsed.request->operation.id == row.id);
        CHECK(parsed.request->target() == row.target);
        CHECK(parsed.request->key.reveal() == "k");
    }
}

struct Bad {
    std::string payload;
    const char* id;
    const char* detail;
};

const Bad kBad[] = {
    {"{", "", "JSON: Missing a name for object member. (byte 1)"},
    {"{}", "", "JSON: c8y_RemoteAccessConnect is missing"},
    {R"({"id":"7"})", "7", "JSON: c8y_RemoteAccessConnect is missing"},
    {"{\"id\":\"7\"}\n{\"id\":\"8\"}", "", "JSON: c8y_RemoteAccessConnect is missing"},
    {"{\"id\":\"7\"}\nSECRET", "", "JSON object 2: JSON: Invalid value. (byte 0)"},
    {"{\"id\":\"7\"}\n[]", "", "JSON object 2: is not an object"},
    {R"({"id":"7","id":"8"})", "",
     "JSON: A member is repeated or the nesting is too deep. (byte 14)"},
    {operation("", kPlain), "", "JSON: id: is missing"},
    {operation("\"7;8\"", kPlain), "", "JSON: id: is not a number in decimal digits"},
    {operation("\"\"", kPlain), "", "JSON: id: is not a number in decimal digits"},
    {operation("-7", kPlain), "", "JSON: id: is not a number in decimal digits"},
    {operation("7.5", kPlain), "", "JSON: id: is not a number in decimal digits"},
    {operation("true", kPlain), "", "JSON: id: is not a number in decimal digits"},
    {operation("\"7\"", "\"SECRET\""), "7", "JSON: c8y_RemoteAccessConnect: is not an object"},
    {operation("\"7\"", "{}"), "7", "JSON: c8y_RemoteAccessConnect.hostname: is missing"},
    {operation("\"7\"", R"({"hostname":5,"port":22,"connectionKey":"k"})"), "7",
     "JSON: c8y_RemoteAccessConnect.hostname: is not a string"},
    {operation("\"7\"", R"({"hostname":"h","connectionKey":"SECRET"})"), "7",
     "JSON: c8y_RemoteAccessConnect.port: is missing"},
    {with_port("70000"), "7",
     "JSON: c8y_RemoteAccessConnect.port: 70000 is not between 1 and 65535"},
    {with_port("0"), "7", "JSON: c8y_RemoteAccessConnect.port: 0 is not between 1 and 65535"},
    {with_port("-1"), "7", "JSON: c8y_RemoteAccessConnect.port: -1 is not between 1 and 65535"},
    {with_port("22.5"), "7", "JSON: c8y_RemoteAccessConnect.port: is not a whole number"},
    {with_port("null"), "7", "JSON: c8y_RemoteAccessConnect.port: is not a whole number"},
    {with_port("\"22a\""), "7",
     "JSON: c8y_RemoteAccessConnect.port: is not a number in decimal digits"},
    {operation("\"7\"", R"({"hostname":"h","port":22})"), "7",
     "JSON: c8y_RemoteAccessConnect.connectionKey: is missing"},
    {operation("\"7\"", R"({"hostname":"h","port":22,"connectionKey":99})"), "7",
     "JSON: c8y_RemoteAccessConnect.connectionKey: is not a string"},
    {operation("\"7\"", R"({"hostname":"h","port":22,"connectionKey":"SECRET?x"})"), "7",
     "JSON: c8y_RemoteAccessConnect.connectionKey: has a character other than letters, digits, "
     "'.', '_' and '-'"},
    {operation("\"7\"", R"({"hostname":"h","port":22,"connectionKey":"SECRET\u0000"})"), "7",
     "JSON: c8y_RemoteAccessConnect.connectionKey: has a character other than letters, digits, "
     "'.', '_' and '-'"},
    {"{\"id\":\"1\"}\n" + with_port("70000"), "7",
     "JSON object 2: c8y_RemoteAccessConnect.port: 70000 is not between 1 and 65535"},
};

TEST_CASE("a bad JSON operation is refused with what is wrong and where, its id kept if readable") {
    for (const Bad& row : kBad) {
        CAPTURE(row.payload);
        const ParsedOperation parsed = parse_operation(row.payload);
        REQUIRE_FALSE(parsed.request.ok());
        CHECK(parsed.operation.id == row.id);
        CHECK(parsed.request.error().fault == Fault::kPayload);
        CHECK(parsed.request.error().detail == row.detail);
        CHECK(reason(parsed.request.error()).find("SECRET") == std::string::npos);
    }
}

TEST_CASE("every beginning of a real operation is refused, none reads beyond its end") {
    const std::string whole = kReal;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        CAPTURE(size);
        CHECK_FALSE(parse_operation(whole.substr(0, size)).request.ok());
    }
}

}  // namespace
}  // namespace remote_access
