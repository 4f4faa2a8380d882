// SPDX-License-Identifier: Apache-2.0
#include "forwarder/proxy.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace remote_access {
namespace {

using State = ConnectAnswer::State;
using Next = Refusal::Next;

const HostPort kCloud{"cloud.example", 443};

ProxyConfig proxy(const char* username = "", const char* password = "") {
    ProxyConfig made;
    made.address = {"proxy.example", 3128};
    made.username = username;
    made.password = Secret(password);
    made.used = true;
    return made;
}

ConnectAnswer answer() { return {kCloud, proxy("operator", "open sesame")}; }

}  // namespace

TEST_CASE("the CONNECT is the one of RFC 9110") {
    CHECK(connect_request(kCloud, proxy()).reveal() ==
          "CONNECT cloud.example:443 HTTP/1.1\r\nHost: cloud.example:443\r\n\r\n");
    CHECK(connect_request({"2001:db8::1", 8443}, proxy()).reveal() ==
          "CONNECT [2001:db8::1]:8443 HTTP/1.1\r\nHost: [2001:db8::1]:8443\r\n\r\n");
    CHECK(connect_request(kCloud, proxy("Aladdin", "open sesame")).reveal() ==
          "CONNECT cloud.example:443 HTTP/1.1\r\nHost: cloud.example:443\r\n"
          "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n");
    // UTF-8, as RFC 7617 has it: "test", "123£".
    CHECK(connect_request(kCloud, proxy("test", "123\xC2\xA3"))
              .reveal()
              .find("Basic dGVzdDoxMjPCow==\r\n") != std::string_view::npos);
}

TEST_CASE("an answer of 2xx opens the tunnel, cut at any byte, whatever its header says") {
    for (const std::string text : {
             "HTTP/1.1 200 Connection established\r\n\r\n",
             "HTTP/1.0 200 OK\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
             "HTTP/1.1 200\r\n\r\n",
             "HTTP/1.1 299 Odd\n\n",
             "HTTP/1.1 200 OK\r\nContent-Length: 17\r\nTransfer-Encoding: chunked\r\n\r\n",
             "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
             "HTTP/1.1 200 OK\r\n\r\n",
         }) {
        CAPTURE(text);
        for (std::size_t cut = 0; cut <= text.size(); ++cut) {
            ConnectAnswer collected = answer();
            State state = collected.feed(text.substr(0, cut));
            CHECK(state == (cut < text.size() ? State::kMore : State::kOpen));
            CHECK(collected.feed(text.substr(cut)) == State::kOpen);
        }
        ConnectAnswer slow = answer();
        State state = State::kMore;
        for (const char byte : text) state = slow.feed({&byte, 1});
        CHECK(state == State::kOpen);
    }
}

struct Row {
    std::string text;
    Fault fault;
    Next next;
    std::string detail;  // begins like this
};

TEST_CASE("the status decides whether another attempt is worth it") {
    const std::vector<Row> rows{
        {"407 Proxy Authentication Required", Fault::kProxyUnauthorized, Next::kGiveUp,
         "407 Proxy Authentication Required"},
        {"403 Filtered", Fault::kProxyStatus, Next::kGiveUp, "403 Filtered, for cloud.example:443"},
        {"403", Fault::kProxyStatus, Next::kGiveUp, "403, for cloud.example:443"},
        {"400 Bad Request", Fault::kProxyStatus, Next::kGiveUp, "400"},
        {"401 Unauthorized", Fault::kProxyUnauthorized, Next::kGiveUp, "401 Unauthorized"},
        {"404 Not Found", Fault::kProxyStatus, Next::kGiveUp, "404"},
        {"302 Found", Fault::kProxyStatus, Next::kGiveUp, "302"},
        {"101 Switching Protocols", Fault::kProxyStatus, Next::kGiveUp, "101"},
        {"000 Odd", Fault::kProxyStatus, Next::kGiveUp, "000"},
        {"600 Odd", Fault::kProxyStatus, Next::kGiveUp, "600"},
        {"429 Too Many Requests", Fault::kProxyStatus, Next::kAgain, "429"},
        {"500 Unable to connect", Fault::kProxyStatus, Next::kAgain, "500"},
        {"503 Service Unavailable", Fault::kProxyStatus, Next::kAgain, "503"},
        {"599 Odd", Fault::kProxyStatus, Next::kAgain, "599"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        ConnectAnswer collected = answer();
        // The body is nobody's reason: it is HTML.
        REQUIRE(collected.feed("HTTP/1.1 " + row.text + "\r\nContent-Length: 99\r\n\r\n<html>") ==
                State::kRefused);
        const Refusal& refusal = collected.refusal();
        CHECK(refusal.error.fault == row.fault);
        CHECK(refusal.next == row.next);
        CHECK(refusal.error.subject == "proxy.example:3128");
        CHECK(refusal.error.detail.substr(0, row.detail.size()) == row.detail);
    }
}

TEST_CASE("what is not the answer of an HTTP proxy is refused for good") {
    const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
    const std::vector<Row> rows{
        {"SSH-2.0-OpenSSH_9.2\r\n", {}, {}, "not HTTP: \"SSH-2.0-OpenSSH_9.2\""},
        {"\x15\x03\x01", {}, {}, "not HTTP"},
        {"HTTP/2 200 OK\r\n\r\n", {}, {}, "not HTTP"},
        {"HTTP/1.1 2000 OK\r\n\r\n", {}, {}, "its status line cannot be read"},
        {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", {}, {}, "a header line cannot be read"},
        {"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x'), {}, {}, "its head is larger"},
        {"HTTP/1.1 200 OK\r\n\r\n\x15\x03", {}, {}, "bytes after the head of its answer 200 OK"},
        {interim + "SSH-2.0", {}, {}, "not HTTP"},
        {interim + "HTTP/1.1 103 X\r\nno colon\r\n\r\n", {}, {}, "a header line cannot be read"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text.substr(0, 60));
        ConnectAnswer collected = answer();
        REQUIRE(collected.feed(row.text) == State::kRefused);
        CHECK(collected.refusal().error.fault == Fault::kProxyAnswer);
        CHECK(collected.refusal().next == Next::kGiveUp);
        CHECK(collected.refusal().error.detail.substr(0, row.detail.size()) == row.detail);
        CHECK(collected.feed("HTTP/1.1 200 OK\r\n\r\n") == State::kRefused);
    }
}

TEST_CASE("an answer without an end is refused while it comes") {
    for (const std::string piece : {"a: b\r\n", "\r\nHTTP/1.1 100 Continue\r\n"}) {
        CAPTURE(piece);
        ConnectAnswer collected = answer();
        State state = collected.feed("HTTP/1.1 100 Continue\r\n");
        std::size_t fed = 0;
        while (state == State::kMore && fed < 200'000) {
            state = collected.feed(piece);
            fed += piece.size();
        }
        CHECK(state == State::kRefused);
        CHECK(fed < 40'000);
    }
    std::string together;
    for (int i = 0; i < 1'000; ++i) together += "HTTP/1.1 100 Continue\r\n\r\n";
    ConnectAnswer collected = answer();
    CHECK(collected.feed(together + "HTTP/1.1 200 OK\r\n\r\n") == State::kRefused);
}

TEST_CASE("a proxy that repeats the login does not get it into the reason") {
    for (const std::string text : {
             "HTTP/1.1 407 no operator:open sesame here\r\n\r\n",
             "HTTP/1.1 403 b3BlcmF0b3I6b3BlbiBzZXNhbWU= is wrong\r\n\r\n",
             "HTTP/1.1 403 Basic b3BlcmF0b3I6b3BlbiBzZX\r\n\r\n",
             "HTTP/1.1 200 open sesame\r\n\r\nearly",
             "Proxy-Authorization: Basic b3BlcmF0b3I6b3BlbiBzZXNhbWU=\r\n",
             "operator, say open sesame\r\n",
             "HTTP/1.1 403 op\x80"
             "erator open se\xBFsame\r\n\r\n",
         }) {
        CAPTURE(text);
        ConnectAnswer collected = answer();
        REQUIRE(collected.feed(text) == State::kRefused);
        const std::string line = reason(collected.refusal().error);
        CHECK(line.find("sesame") == std::string::npos);
        CHECK(line.find("operator") == std::string::npos);
        CHECK(line.find("b3Bl") == std::string::npos);
        CHECK(line.find("***") != std::string::npos);
    }
}

}  // namespace remote_access
