// SPDX-License-Identifier: Apache-2.0
// An HTTP proxy's answer to CONNECT: the same decision however its bytes are cut, bounded memory,
// no byte of the cloud's swallowed, and nothing of the login in what is said about it.
#include "forwarder/proxy.hpp"

#include "property.hpp"

namespace remote_access {
namespace {

using namespace fuzz;
using State = ConnectAnswer::State;

constexpr std::string_view kProxy = "proxy.example:3128";
constexpr std::string_view kUser = "operator-7", kPassword = "hUsHhUsH5ecret";
constexpr std::string_view kBase64 = "b3BlcmF0b3ItNzpoVXNIaFVzSDVlY3JldA==";

ProxyConfig proxy() {
    ProxyConfig made;
    made.address = {"proxy.example", 3128};
    made.username = kUser;
    made.password = Secret(std::string(kPassword));
    return made;
}

struct Outcome {
    State state = State::kMore;
    std::size_t fed = 0;  // when it was decided
    std::string detail;
    Fault fault = Fault::kSystem;
    Refusal::Next next = Refusal::Next::kGiveUp;
};

Outcome read(std::string_view answer, Cut cut) {
    static const ProxyConfig config = proxy();
    ConnectAnswer collected({"cloud.example", 443}, config);
    Outcome outcome;
    Pieces pieces(cut, answer);
    while (outcome.fed < answer.size() && outcome.state == State::kMore) {
        const std::size_t size = pieces.next(answer.size() - outcome.fed);
        outcome.state = collected.feed(answer.substr(outcome.fed, size));
        outcome.fed += size;
        require(outcome.state != State::kMore || outcome.fed <= 2 * HttpHead::kMost,
                "an answer is bounded");
    }
    if (outcome.state != State::kRefused) return outcome;
    const Refusal& refusal = collected.refusal();
    check_reason(refusal.error);
    for (const std::string_view secret : {kUser, kPassword, kBase64})
        check_hides(refusal.error, secret);
    require(refusal.error.subject == kProxy, "an error names the proxy");
    outcome.detail = refusal.error.detail;
    outcome.fault = refusal.error.fault;
    outcome.next = refusal.next;
    return outcome;
}

void check_decision(const Outcome& outcome) {
    if (outcome.state != State::kRefused) return;
    const int status = std::atoi(outcome.detail.c_str());
    if (outcome.fault == Fault::kProxyUnauthorized)
        require(status == 407 || status == 401, "only 407 and 401 are about the login");
    else if (outcome.fault == Fault::kProxyStatus)
        require((status < 200 || status > 299) &&
                    (outcome.next == Refusal::Next::kAgain) == is_passing(status),
                "only what may pass is tried again", outcome.detail);
    else
        require(outcome.fault == Fault::kProxyAnswer && outcome.next == Refusal::Next::kGiveUp,
                "what is no answer is final", outcome.detail);
}

bool begins(const std::string& text, std::string_view start) {
    return text.compare(0, start.size(), start) == 0;
}

bool same(const Outcome& whole, const Outcome& cut_up) {
    // What has come behind the head is seen only when it comes with it; it is the proxy's own, and
    // TLS will stumble over it.
    if (cut_up.state == State::kOpen && begins(whole.detail, "bytes after the head")) return true;
    // What is not HTTP is shown as far as it has come when that is noticed.
    const bool shown = begins(whole.detail, "not HTTP: ") && begins(cut_up.detail, "not HTTP: ");
    return whole.state == cut_up.state && whole.fault == cut_up.fault &&
           whole.next == cut_up.next && (shown || whole.detail == cut_up.detail);
}

void run(std::string_view answer) {
    const Outcome whole = read(answer, Cut::kWhole), bytes = read(answer, Cut::kBytes);
    check_decision(whole);
    check_decision(bytes);
    require(same(whole, bytes), "an answer is read the same however it is cut",
            whole.detail + "\n" + bytes.detail);
    const Outcome pieces = read(answer, Cut::kRandom);
    require(same(whole, pieces), "an answer is read the same in any pieces",
            whole.detail + "\n" + pieces.detail);
    // The tunnel begins right behind the empty line.
    if (bytes.state == State::kOpen)
        require(answer[bytes.fed - 1] == '\n', "the tunnel begins behind the head");
}

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    remote_access::run(remote_access::fuzz::as_text(data, size));
    return 0;
}
