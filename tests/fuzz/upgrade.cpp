// SPDX-License-Identifier: Apache-2.0
// The cloud's answer to the upgrade request: the same decision however its bytes are cut, bounded
// memory, and neither key nor login in what is said about it.
#include "forwarder/upgrade.hpp"

#include <openssl/evp.h>

#include "forwarder/websocket.hpp"
#include "property.hpp"

namespace remote_access {
namespace {

using namespace fuzz;
using State = UpgradeAnswer::State;

constexpr std::string_view kCloud = "cloud.example:443", kKey = "the-key.1234_X";
constexpr std::string_view kToken = "eyJhbGciOi.J9-sig";
constexpr std::size_t kMostHead = std::size_t{16} * 1024, kMostBody = std::size_t{4} * 1024;

struct Outcome {
    State state = State::kMore;
    std::string accept, rest, detail;
    Fault fault = Fault::kSystem;
    Refusal::Next next = Refusal::Next::kGiveUp;
};

Outcome read(std::string_view answer, Cut cut) {
    UpgradeAnswer collected{std::string(kCloud), Secret(std::string(kKey)),
                            Secret("Bearer " + std::string(kToken))};
    Outcome outcome;
    Pieces pieces(cut, answer);
    std::size_t fed = 0;
    while (fed < answer.size() && outcome.state != State::kUpgraded &&
           outcome.state != State::kComplete) {
        const std::size_t size = pieces.next(answer.size() - fed);
        outcome.state = collected.feed(answer.substr(fed, size));
        fed += size;
        require(outcome.state != State::kMore || fed <= kMostHead, "a head is bounded");
        require(outcome.state != State::kRefused || fed < kMostHead + kMostBody,
                "a body is bounded");
    }
    if (outcome.state == State::kUpgraded) {
        outcome.accept = collected.accept();
        outcome.rest = std::string(collected.rest()).append(answer.substr(fed));
        return outcome;
    }
    outcome.state = collected.end();
    if (outcome.state != State::kComplete) return outcome;
    const Refusal refusal = collected.refusal();
    check_reason(refusal.error);
    check_hides(refusal.error, kKey);
    check_hides(refusal.error, kToken);
    require(refusal.error.subject == kCloud, "an error names the cloud");
    outcome.detail = refusal.error.detail;
    outcome.fault = refusal.error.fault;
    outcome.next = refusal.next;
    return outcome;
}

void check_decision(const Outcome& outcome) {
    if (outcome.state != State::kComplete) return;
    const int status = std::atoi(outcome.detail.c_str());
    const bool passing = status == 429 || (status >= 500 && status <= 599);
    if (outcome.fault == Fault::kCloudAnswer)
        require(outcome.next == Refusal::Next::kGiveUp, "what is no answer is final");
    else if (outcome.fault == Fault::kCloudUnauthorized)
        require(status == 401 && outcome.next == Refusal::Next::kAgainWithFreshToken,
                "401 asks for a fresh token", outcome.detail);
    else
        require(outcome.fault == Fault::kCloudStatus && status != 101 &&
                    (outcome.next == Refusal::Next::kAgain) == passing,
                "only what may pass is tried again", outcome.detail);
}

bool same(const Outcome& a, const Outcome& b) {
    // What is not HTTP is shown as far as it has come when that is noticed.
    constexpr std::string_view kNotHttp = "not HTTP: ";
    const bool not_http = a.detail.compare(0, kNotHttp.size(), kNotHttp) == 0 &&
                          b.detail.compare(0, kNotHttp.size(), kNotHttp) == 0;
    return a.state == b.state && a.accept == b.accept && a.rest == b.rest && a.fault == b.fault &&
           a.next == b.next && (not_http || a.detail == b.detail);
}

/// RFC 6455 §4.2.2, written a second time.
std::string expected_accept(const std::string& key) {
    const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char hash[20], base64[29];
    EVP_Digest(text.data(), text.size(), hash, nullptr, EVP_sha1(), nullptr);
    EVP_EncodeBlock(base64, hash, sizeof hash);
    return reinterpret_cast<const char*>(base64);
}

void run(std::string_view answer) {
    const Outcome whole = read(answer, Cut::kWhole);
    check_decision(whole);
    for (const Cut cut : {Cut::kBytes, Cut::kRandom}) {
        const Outcome cut_up = read(answer, cut);
        require(same(whole, cut_up), "an answer is read the same however it is cut",
                whole.detail + "\n" + cut_up.detail);
    }
    if (whole.state != State::kUpgraded) return;
    static const WebSocketCodec codec;
    static const std::string expected = expected_accept(codec.key());
    require(codec.accepts(expected), "the right Sec-WebSocket-Accept is accepted");
    require(codec.accepts(whole.accept) == (whole.accept == expected),
            "no other Sec-WebSocket-Accept is accepted", whole.accept);
}

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    remote_access::run(remote_access::fuzz::as_text(data, size));
    return 0;
}
