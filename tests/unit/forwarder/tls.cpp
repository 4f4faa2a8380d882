// SPDX-License-Identifier: Apache-2.0
#include "forwarder/tls.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "frames.hpp"
#include "tls_peers.hpp"

namespace remote_access {

using namespace testing;

TEST_CASE("a certificate is accepted for its names and addresses only, from a trusted root only") {
    const Authority authority, stranger("Another root");
    const Identity leaf = make_identity("cloud.example", &authority.root,
                                        "DNS:cloud.example,DNS:*.tenant.example,IP:127.0.0.1");
    const Identity by_stranger = make_identity("x", &stranger.root, "DNS:cloud.example");
    const Identity late = make_identity("x", &authority.root, "DNS:cloud.example", -7200, -3600);
    const Identity early = make_identity("x", &authority.root, "DNS:cloud.example", 3600, 7200);
    const Identity no_name = make_identity("cloud.example", &authority.root, "DNS:other.example");
    struct Row {
        const Identity& identity;
        const char* host;
        const char* reason;  // empty: accepted
        const char* sni;
    };
    const Row rows[] = {
        {leaf, "cloud.example", "", "cloud.example"},
        {leaf, "CLOUD.example.", "", "CLOUD.example"},
        {leaf, "t1.tenant.example", "", "t1.tenant.example"},
        {leaf, "127.0.0.1", "", ""},
        {leaf, "127.0.0.2", "IP address mismatch", ""},
        {leaf, "::1", "IP address mismatch", ""},
        {leaf, "evil.example", "hostname mismatch", "evil.example"},
        {leaf, "a.t1.tenant.example", "hostname mismatch", "a.t1.tenant.example"},
        {no_name, "cloud.example", "hostname mismatch", "cloud.example"},
        {by_stranger, "cloud.example", "unable to get local issuer certificate", "cloud.example"},
        {late, "cloud.example", "certificate has expired", "cloud.example"},
        {early, "cloud.example", "certificate is not yet valid", "cloud.example"},
    };
    for (const std::string& trusted : {authority.file, authority.folder}) {
        const TlsContext context({trusted});
        for (const Row& row : rows) {
            CAPTURE(row.host);
            CAPTURE(row.reason);
            const Pair pair;
            TlsStream client(context, on(pair), {{row.host, 443}});
            Server server(row.identity, pair.theirs.get());
            const Transfer state = shake(client, server);
            CHECK(server.name == row.sni);
            if (*row.reason == '\0') {
                CHECK(state.moved());
                continue;
            }
            CHECK(state.state == Transfer::State::kFailed);
            CHECK(client.handshake_error().fault == Fault::kCloudUntrusted);
            CHECK(client.handshake_error().detail == row.reason);
        }
    }
}

TEST_CASE("TLS 1.2 and 1.3 are spoken, nothing older") {
    const Authority authority;
    const Identity leaf = make_identity("cloud.example", &authority.root, "DNS:cloud.example");
    const TlsContext context({authority.file});
    for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION, TLS1_1_VERSION}) {
        const Pair pair;
        TlsStream client(context, on(pair), {{"cloud.example", 443}});
        Server server(leaf, pair.theirs.get(), version);
        const Transfer state = shake(client, server);
        CHECK(state.moved() == (version != TLS1_1_VERSION));
        if (state.moved()) continue;
        CHECK(client.handshake_error().fault == Fault::kCloudTls);
        CHECK_FALSE(client.handshake_error().detail.empty());
    }
}

TEST_CASE("after the trust is forgotten a connection goes on, and no other can be made") {
    const Authority authority;
    const Identity leaf = make_identity("cloud.example", &authority.root, "DNS:cloud.example");
    TlsContext context({authority.file});
    const Pair pair, other;
    TlsStream client(context, on(pair), {{"cloud.example", 443}});
    Server server(leaf, pair.theirs.get());
    REQUIRE(shake(client, server).moved());
    context.forget_trust();

    const std::string text = pattern(10'000);
    REQUIRE(client.room() >= text.size());
    CHECK(client.write(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
    CHECK(client.pending());
    CHECK(client.flush().moved());
    std::string got(20'000, '\0');
    std::size_t size = 0;
    REQUIRE(SSL_read_ex(server.ssl.get(), got.data(), got.size(), &size) == 1);
    CHECK(got.substr(0, size) == text);

    TlsStream late(context, on(other), {{"cloud.example", 443}});
    Server again(leaf, other.theirs.get());
    CHECK(shake(late, again).state == Transfer::State::kFailed);
}

TEST_CASE("four full frames fit into the buffer, and a peer that does not read blocks the flush") {
    const Authority authority;
    const Identity leaf = make_identity("cloud.example", &authority.root, "DNS:cloud.example");
    const TlsContext context({authority.file});
    const Pair pair;
    const int small = 4096;
    ::setsockopt(pair.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    TlsStream client(context, on(pair), {{"cloud.example", 443}});
    Server server(leaf, pair.theirs.get());
    REQUIRE(shake(client, server).moved());
    const std::string frame = pattern(16 * 1024);
    std::string expected, got;
    for (int round = 0; round < 3; ++round) {
        for (std::size_t left = 4; left > 0; --left) {
            REQUIRE(client.records() == left);
            CHECK(client.write(reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()));
            expected += frame;
        }
        CHECK(client.records() == 0);
        CHECK(client.flush().blocked());
        std::array<char, 20'000> buffer{};
        std::size_t size = 0;
        while (client.pending() || got.size() < expected.size()) {
            client.flush();
            if (SSL_read_ex(server.ssl.get(), buffer.data(), buffer.size(), &size) == 1)
                got.append(buffer.data(), size);
        }
    }
    CHECK(got == expected);
}

TEST_CASE("the end of a connection is told from its failure, after all bytes before it") {
    const Authority authority;
    const Identity leaf = make_identity("cloud.example", &authority.root, "DNS:cloud.example");
    const TlsContext context({authority.file});
    for (const bool orderly : {true, false}) {
        CAPTURE(orderly);
        Pair pair;
        TlsStream client(context, on(pair), {{"cloud.example", 443}});
        Server server(leaf, pair.theirs.get());
        REQUIRE(shake(client, server).moved());
        std::size_t size = 0;
        SSL_write_ex(server.ssl.get(), "last", 4, &size);
        if (orderly) SSL_shutdown(server.ssl.get());
        pair.theirs.reset();
        std::array<std::uint8_t, 100> buffer{};
        CHECK(client.read(buffer.data(), buffer.size()).bytes == 4);
        CHECK(client.read(buffer.data(), buffer.size()).state == Transfer::State::kEnded);
    }
}

TEST_CASE("an alert after the handshake is told for what it is") {
    const Authority authority;
    const Identity leaf = make_identity("cloud.example", &authority.root, "DNS:cloud.example");
    const TlsContext context({authority.file});
    const Pair pair;
    TlsStream client(context, on(pair), {{"cloud.example", 443}});
    Server server(leaf, pair.theirs.get());
    SSL_set_verify(server.ssl.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    REQUIRE(shake(client, server).moved());
    CHECK(client.alert().empty());
    SSL_do_handshake(server.ssl.get());  // it sees that there is no certificate of ours
    ERR_clear_error();
    std::array<std::uint8_t, 100> buffer{};
    CHECK(client.read(buffer.data(), buffer.size()).state == Transfer::State::kFailed);
    CHECK(client.alert().find("certificate required") != std::string::npos);
}

TEST_CASE("a peer that leaves during the handshake, or speaks something else") {
    const TlsContext context({});
    Pair gone, http;
    gone.theirs.reset();
    TlsStream first(context, on(gone), {{"cloud.example", 443}});
    CHECK(first.handshake().state == Transfer::State::kEnded);

    const std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    REQUIRE(::write(http.theirs.get(), answer.data(), answer.size()) > 0);
    TlsStream second(context, on(http), {{"cloud.example", 443}});
    CHECK(second.handshake().state == Transfer::State::kFailed);
    CHECK(second.handshake_error().fault == Fault::kCloudTls);
    CHECK(second.handshake_error().detail == "wrong version number");
    CHECK(second.handshake_error().subject == "cloud.example:443");
}

TEST_CASE("one byte at a time") {
    const Authority authority;
    const Identity leaf = make_identity("cloud.example", &authority.root, "DNS:cloud.example");
    const TlsContext context({authority.file});
    const Pair pair;
    TlsStream client(context, on(pair), {{"cloud.example", 443}});
    Server server(leaf, pair.theirs.get());
    REQUIRE(shake(client, server).moved());
    const std::string text = pattern(100);  // each is a record
    std::size_t size = 0;
    for (const char byte : text) SSL_write_ex(server.ssl.get(), &byte, 1, &size);
    std::string got;
    std::uint8_t byte = 0;
    while (got.size() < text.size()) {
        const Transfer read = client.read(&byte, 1);
        REQUIRE(read.moved());
        got += static_cast<char>(byte);
        CHECK(read.drained == (got.size() == text.size()));
    }
    CHECK(got == text);
}

}  // namespace remote_access
