// SPDX-License-Identifier: Apache-2.0
// The operation's text, SmartREST and JSON: it becomes a valid request or an error that says
// nothing of what was in it (with fields in the wrong order, any may be the key).
#include "operation/request.hpp"
#include "request_check.hpp"

namespace remote_access {
namespace {

using namespace fuzz;

void check_same(const ConnectRequest& a, const std::string& payload, const char* property) {
    const ParsedOperation b = parse_operation(payload);
    require(b.request.ok() && b.request->host == a.host && b.request->port == a.port &&
                b.request->key.reveal() == a.key.reveal() &&
                b.request->operation.id == a.operation.id,
            property, payload);
}

void check_accepted(const ConnectRequest& request) {
    check_request(request);
    const std::string port = std::to_string(request.port), key(request.key.reveal());
    if (request.operation.by_name())
        check_same(request, "530,device," + request.host + "," + port + "," + key,
                   "the same request as SmartREST is the same");
    else
        check_same(request,
                   R"({"id":")" + request.operation.id +
                       R"(","c8y_RemoteAccessConnect":{"hostname":")" + request.host +
                       R"(","port":)" + port + R"(,"connectionKey":")" + key + "\"}}",
                   "the same request as JSON is the same");
}

void run(std::string_view payload) {
    const ParsedOperation parsed = parse_operation(payload);
    require(in_set(parsed.operation.id, "0123456789") && parsed.operation.id.size() <= 32,
            "an operation id is of digits, also that of an unusable operation");
    if (parsed.request.ok()) {
        require(parsed.request->operation.id == parsed.operation.id, "there is one operation id");
        check_accepted(*parsed.request);
        if (payload.size() + 2 <= kPayloadLimit)
            check_same(*parsed.request, std::string(payload) + "\r\n",
                       "a line end behind the operation changes nothing");
        return;
    }
    const Error& error = parsed.request.error();
    require(error.fault == Fault::kPayload && error.subject.empty() && !error.detail.empty(),
            "what is wrong with a payload is an error of the payload");
    check_reason(error);
    check_hides(error);
}

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    remote_access::run(remote_access::fuzz::as_text(data, size));
    return 0;
}
