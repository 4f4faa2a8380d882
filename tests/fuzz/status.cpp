// SPDX-License-Identifier: Apache-2.0
// The JWT answer from the shared topic: it is a header's value or nothing. And the status texts
// that carry a reason made of foreign words: one record, one quoted field, whole for thin-edge.
#include "mqtt/status.hpp"

#include "forwarder/upgrade.hpp"
#include "request_check.hpp"

namespace remote_access {
namespace {

using namespace fuzz;

void check_token(std::string_view payload) {
    const std::optional<Secret> token = read_token(payload);
    if (!token) return;
    const std::string_view text = token->reveal();
    require(!text.empty() && text.size() <= 8192, "a token has 1 to 8192 characters");
    require(in_set(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="),
            "a token is a header's value", text);
    require(payload.substr(0, 3) == "71," && payload.substr(3, text.size()) == text &&
                in_set(payload.substr(3 + text.size()), "\r\n"),
            "a token is all that the message holds");
    const auto again = read_token("71," + std::string(text));
    require(again && again->reveal() == text, "a token is taken again");
    const Secret request = upgrade_request({"cloud.example", 443}, Secret("k"),
                                           Secret("Bearer " + std::string(text)), "w");
    require(std::count(request.reveal().begin(), request.reveal().end(), '\n') == 9,
            "a token adds no line to the request");
}

void check_status(const std::string& status, std::string_view start) {
    require(status.compare(0, start.size(), start) == 0, "a status begins as Cumulocity knows it");
    require(std::count(status.begin(), status.end(), '"') == 2 && status.back() == '"' &&
                status[start.size()] == '"',
            "a status has one quoted field", status);
    require(status.size() <= start.size() + 2 + kReasonLimit, "a status is short", status);
}

void check_texts(std::string_view words) {
    constexpr auto kFaults = static_cast<std::size_t>(Fault::kSystem) + 1;
    const std::size_t half = words.size() / 2;
    const Error error{static_cast<Fault>(Pieces(Cut::kRandom, words).next(4096) % kFaults),
                      std::string(words.substr(0, half)), std::string(words.substr(half))};
    require(fault_from_name(fault_name(error.fault)) == error.fault, "a fault has a name");
    check_reason(error);
    check_status(final_text({"4711"}, {false, reason(error)}), "505,4711,");
    check_status(final_text({}, {false, reason(error)}), "502,c8y_RemoteAccessConnect,");
    check_status(abandoned_text({}, reason(error)), "507,c8y_RemoteAccessConnect,");
}

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = remote_access::fuzz::as_text(data, size);
    remote_access::check_token(text);
    remote_access::check_texts(text);
    return 0;
}
