// SPDX-License-Identifier: Apache-2.0
#include "forwarder/upgrade.hpp"

#include <doctest/doctest.h>

namespace remote_access {
namespace {

using State = UpgradeAnswer::State;
using Next = Refusal::Next;

const std::string kGood =
    "HTTP/1.1 101 Switching Protocols\r\n"
    "upgrade: websocket\r\n"
    "connection: upgrade\r\n"
    "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    "sec-websocket-protocol: binary\r\n"
    "x-content-type-options: nosniff\r\n"
    "cache-control: no-cache, no-store, max-age=0, must-revalidate\r\n"
    "expires: 0\r\n"
    "\r\n";

UpgradeAnswer answer() {
    return {"cloud.example:443", Secret("the-key-1234"), Secret("Bearer eyJhbGciOi")};
}

std::string with(const std::string& replaced, const std::string& by) {
    std::string text = kGood;
    return text.replace(text.find(replaced), replaced.size(), by);
}

}  // namespace

TEST_CASE("the request is the one the cloud expects") {
    const Secret request = upgrade_request({"cloud.example", 443}, Secret("k1"), Secret("Bearer t"),
                                           "dGhlIHNhbXBsZSBub25jZQ==");
    CHECK(request.reveal() ==
          "GET /service/remoteaccess/device/k1 HTTP/1.1\r\n"
          "Host: cloud.example\r\n"
          "Upgrade: websocket\r\n"
          "Connection: Upgrade\r\n"
          "Sec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          "Sec-WebSocket-Protocol: binary\r\n"
          "Authorization: Bearer t\r\n\r\n");
    const auto host = [](const HostPort& cloud) {
        const Secret text = upgrade_request(cloud, Secret("k"), Secret("a"), "w");
        const std::size_t at = text.reveal().find("Host: ") + 6;
        return std::string(text.reveal().substr(at, text.reveal().find('\r', at) - at));
    };
    CHECK(host({"cloud.example", 8443}) == "cloud.example:8443");
    CHECK(host({"2001:db8::1", 443}) == "[2001:db8::1]");
    CHECK(host({"2001:db8::1", 8443}) == "[2001:db8::1]:8443");
}

TEST_CASE("an acceptable answer is accepted, cut at any byte, and what follows it is kept") {
    const std::string stream = kGood +
                               "\x82\x03"
                               "SSH";
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        CAPTURE(cut);
        UpgradeAnswer collected = answer();
        State state = collected.feed(stream.substr(0, cut));
        CHECK(state == (cut < kGood.size() ? State::kMore : State::kUpgraded));
        if (state == State::kMore) state = collected.feed(stream.substr(cut));
        REQUIRE(state == State::kUpgraded);
        CHECK(collected.accept() == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        if (cut < kGood.size())
            CHECK(collected.rest() ==
                  "\x82\x03"
                  "SSH");
    }
    UpgradeAnswer slow = answer();
    State state = State::kMore;
    for (const char byte : kGood) state = slow.feed({&byte, 1});
    CHECK(state == State::kUpgraded);
    CHECK(slow.rest().empty());
}

TEST_CASE("interim answers before it are passed over, in pieces of any size") {
    const std::string early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    const std::string stream = "HTTP/1.1 100 Continue\r\n\r\n" + early + kGood + "\x82";
    UpgradeAnswer whole = answer();
    REQUIRE(whole.feed(stream) == State::kUpgraded);
    CHECK(whole.rest() == "\x82");
    UpgradeAnswer slow = answer();
    State state = State::kMore;
    for (const char byte : stream.substr(0, stream.size() - 1)) state = slow.feed({&byte, 1});
    CHECK(state == State::kUpgraded);
    UpgradeAnswer refused = answer();
    CHECK(refused.feed(early + "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n") ==
          State::kComplete);
    CHECK(refused.refusal().error.detail == "404 Not Found");
    UpgradeAnswer endless = answer();
    state = State::kMore;
    for (int i = 0; i < 1'000 && state == State::kMore; ++i) state = endless.feed(early);
    CHECK(state == State::kComplete);
    CHECK(endless.refusal().error.detail == "too many 1xx answers");
}

TEST_CASE("variants that mean the same are accepted") {
    for (const std::string& text : {
             with("Switching Protocols", ""),
             with(" Switching Protocols", ""),
             with("upgrade: websocket", "UPGRADE:WebSocket"),
             with("connection: upgrade", "Connection: keep-alive, Upgrade"),
             with("sec-websocket-protocol: binary\r\n", ""),
             with("expires: 0", "Content-Length: 7"),
             with("expires: 0", "Sec-WebSocket-Extensions: "),
             with("expires: 0", "x-filler: " + std::string(12 * 1024, 'x')),
         }) {
        CAPTURE(text);
        UpgradeAnswer collected = answer();
        CHECK(collected.feed(text) == State::kUpgraded);
        CHECK(collected.accept() == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        CHECK(collected.rest().empty());
    }
}

TEST_CASE("an answer that is no WebSocket is refused for good, with the reason") {
    struct Row {
        std::string text, reason;
    };
    const Row rows[] = {
        {"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP: \"SSH-2.0-OpenSSH_9.2\""},
        {"<html>", "not HTTP"},
        {"XXTP/1.1 101 X\r\n", "not HTTP"},
        {"HTTP/2 101 X\r\n\r\n", "not HTTP"},
        {with("HTTP/1.1", "HTTP/1.0"), "101 without HTTP/1.1"},
        {with("101", "9101"), "status line"},
        {with("101", "-5"), "status line"},
        {with("101", "1o1"), "status line"},
        {with("101 S", "101S"), "status line"},
        {with("upgrade: websocket", "upgrade: h2c"), "Upgrade: websocket"},
        {with("connection: upgrade", "connection: close"), "Connection: Upgrade"},
        {with("sec-websocket-accept", "x-accept"), "no Sec-WebSocket-Accept"},
        {with("expires: 0", "Sec-WebSocket-Accept: x"), "two Sec-WebSocket-Accept"},
        {with("binary", "chat"), "subprotocol"},
        {with("expires: 0", "Sec-WebSocket-Extensions: permessage-deflate"), "extension"},
        {with("expires: 0", "expires"), "header line"},
        {with("expires: 0", " folded: 0"), "header line"},
        {with("expires: 0", "x: " + std::string(17'000, 'x')), "16 KiB"},
        {"HTTP/1.1 101 " + std::string(17'000, 'x'), "16 KiB"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text.substr(0, 60));
        UpgradeAnswer collected = answer();
        REQUIRE(collected.feed(row.text) == State::kComplete);
        const Refusal refusal = collected.refusal();
        CHECK(refusal.error.fault == Fault::kCloudAnswer);
        CHECK(refusal.error.subject == "cloud.example:443");
        CHECK(refusal.next == Next::kGiveUp);
        CHECK(refusal.error.detail.find(row.reason) != std::string::npos);
    }
}

TEST_CASE("an endless head is refused while it comes") {
    UpgradeAnswer collected = answer();
    State state = collected.feed("HTTP/1.1 101 X\r\n");
    std::size_t fed = 0;
    while (state == State::kMore && fed < 100'000) {
        state = collected.feed("a: b\r\n");
        fed += 6;
    }
    CHECK(state == State::kComplete);
    CHECK(fed < 17'000);
}

TEST_CASE("the status decides whether another attempt is worth it") {
    struct Row {
        const char* status;
        Fault fault;
        Next next;
    };
    const Row rows[] = {
        {"401 Unauthorized", Fault::kCloudUnauthorized, Next::kAgainWithFreshToken},
        {"429 Too Many Requests", Fault::kCloudStatus, Next::kAgain},
        {"500 Internal Server Error", Fault::kCloudStatus, Next::kAgain},
        {"503", Fault::kCloudStatus, Next::kAgain},
        {"520 Odd", Fault::kCloudStatus, Next::kAgain},
        {"599 Odd", Fault::kCloudStatus, Next::kAgain},
        {"600 Odd", Fault::kCloudStatus, Next::kGiveUp},
        {"200 OK", Fault::kCloudStatus, Next::kGiveUp},
        {"302 Found", Fault::kCloudStatus, Next::kGiveUp},
        {"400 Bad Request", Fault::kCloudStatus, Next::kGiveUp},
        {"403 Forbidden", Fault::kCloudStatus, Next::kGiveUp},
        {"404 Not Found", Fault::kCloudStatus, Next::kGiveUp},
        {"000 Odd", Fault::kCloudStatus, Next::kGiveUp},
    };
    for (const Row& row : rows) {
        CAPTURE(row.status);
        UpgradeAnswer collected = answer();
        const std::string head = "HTTP/1.1 " + std::string(row.status) + "\r\n";
        REQUIRE(collected.feed(head + "Content-Length: 0\r\n\r\n") == State::kComplete);
        const Refusal refusal = collected.refusal();
        CHECK(refusal.error.fault == row.fault);
        CHECK(refusal.next == row.next);
        CHECK(refusal.error.detail == row.status);
    }
}

TEST_CASE("the beginning of the body is part of the reason") {
    struct Row {
        std::string head, body, detail;
    };
    const Row rows[] = {
        {"Content-Length: 19\r\n", "{\"error\": \"no key\"}", "404 Gone: {\"error\": \"no key\"}"},
        {"Content-Length: 2\r\n", "no more", "404 Gone: no"},
        {"Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n", "404 Gone: hello"},
        {"Transfer-Encoding: chunked\r\n", "10\r\nnot 0\r\n\r\nthe end\r\n0\r\n\r\n",
         "404 Gone: not 0 the end"},
        {"Content-Encoding: gzip\r\nContent-Length: 3\r\n", "\x1f\x8b\x08", "404 Gone"},
        {"Content-Length: 9\r\n", "two\nlines", "404 Gone: two lines"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.detail);
        UpgradeAnswer collected = answer();
        const std::string text = "HTTP/1.1 404 Gone\r\n" + row.head + "\r\n" + row.body;
        State state = State::kMore;
        for (const char byte : text) state = collected.feed({&byte, 1});
        CHECK(state == State::kComplete);
        CHECK(collected.refusal().error.detail == row.detail);
    }
}

TEST_CASE("a body without a length ends with the connection or with patience, and is bounded") {
    UpgradeAnswer collected = answer();
    CHECK(collected.feed("HTTP/1.0 404 Gone\r\n\r\nhalf a bo") == State::kRefused);
    CHECK(collected.end() == State::kComplete);
    CHECK(collected.refusal().error.detail == "404 Gone: half a bo");

    UpgradeAnswer endless = answer();
    State state = endless.feed("HTTP/1.1 404 Gone\r\n\r\n");
    std::size_t fed = 0;
    for (; state == State::kRefused && fed < 100'000; fed += 1000)
        state = endless.feed(std::string(1000, 'b'));
    CHECK(state == State::kComplete);
    CHECK(fed <= 5000);
    CHECK(endless.refusal().error.detail.size() < 200);
}

TEST_CASE("a connection that ends within the head, or before it") {
    UpgradeAnswer nothing = answer();
    CHECK(nothing.end() == State::kMore);
    UpgradeAnswer half = answer();
    CHECK(half.feed("HTTP/1.1 101 Swi") == State::kMore);
    CHECK(half.end() == State::kMore);
}

TEST_CASE("a cloud that repeats the secrets does not get them into the reason") {
    for (const std::string& text : {
             std::string("HTTP/1.1 404 the-key-1234\r\nContent-Length: 0\r\n\r\n"),
             std::string("HTTP/1.1 404 Not Found\r\nContent-Length: 56\r\n\r\n"
                         "{\"path\":\"/service/remoteaccess/device/the-key-1234\",\"a\":1}"),
             std::string(
                 "HTTP/1.1 401 No\r\nContent-Length: 25\r\n\r\nbad token: Bearer eyJhbGciOi"),
             std::string(
                 "HTTP/1.1 401 No\r\nContent-Length: 27\r\n\r\nbad token: eyJhbGciOi or so"),
             std::string("HTTP/1.1 404 No\r\nContent-Length: 11\r\n\r\nkey the-key-1234"),
             std::string("Bearer eyJhbGciOi the-key-1234\r\n"),
             std::string("HTTP/1.1 404 the-\x80key-1234\r\nContent-Length: 0\r\n\r\n"),
             std::string("HTTP/1.1 404 No\r\nContent-Length: 16\r\n\r\nno eyJh\xBF\x80"
                         "bGciOi\n"),
         }) {
        CAPTURE(text);
        UpgradeAnswer collected = answer();
        REQUIRE(collected.feed(text) == State::kComplete);
        const std::string detail = collected.refusal().error.detail;
        CHECK(detail.find("the-key") == std::string::npos);
        CHECK(detail.find("eyJh") == std::string::npos);
        CHECK(detail.find("***") != std::string::npos);
    }
}

}  // namespace remote_access
