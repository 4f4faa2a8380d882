// SPDX-License-Identifier: Apache-2.0
// TLS with the cloud inside TLS with a proxy, as behind an https:// proxy.
#include <doctest/doctest.h>

#include <array>

#include "forwarder/tls.hpp"
#include "frames.hpp"
#include "tls_peers.hpp"

namespace remote_access {

using namespace testing;

namespace {

const TlsPeer kProxy{{"proxy.example", 3128}, Fault::kProxyUntrusted, Fault::kProxyTls};
const TlsPeer kCloud{{"cloud.example", 443}};

/// The proxy: takes its TLS off and passes what is inside to the cloud's server, and back.
struct Proxy {
    explicit Proxy(const Identity& identity) : server(identity, outside.theirs.get()) {}

    void pass() {
        std::array<char, 20'000> buffer{};
        std::size_t size = 0;
        while (SSL_read_ex(server.ssl.get(), buffer.data(), buffer.size(), &size) == 1)
            REQUIRE(::write(inside.ours.get(), buffer.data(), size) == static_cast<ssize_t>(size));
        ERR_clear_error();
        ssize_t got = 0;
        while ((got = ::read(inside.ours.get(), buffer.data(), buffer.size())) > 0)
            REQUIRE(SSL_write_ex(server.ssl.get(), buffer.data(), static_cast<std::size_t>(got),
                                 &size) == 1);
    }

    Pair outside, inside;
    Server server;
};

struct Nested {
    Nested(const TlsContext& context, const Identity& proxy_identity,
           const Identity& cloud_identity)
        : proxy(proxy_identity), server(cloud_identity, proxy.inside.theirs.get()) {
        auto made = std::make_unique<TlsStream>(context, on(proxy.outside), kProxy);
        outer = made.get();
        REQUIRE(shake(*outer, proxy.server).moved());
        inner = std::make_unique<TlsStream>(context, std::move(made), kCloud);
    }

    Transfer shake_inner() {
        Transfer state;
        for (int turn = 0; turn < 20 && state.blocked(); ++turn) {
            state = inner->handshake();
            proxy.pass();
            SSL_do_handshake(server.ssl.get());
            ERR_clear_error();
            proxy.pass();
        }
        return state;
    }

    Proxy proxy;
    Server server;
    TlsStream* outer = nullptr;
    std::unique_ptr<TlsStream> inner;
};

struct Certificates {
    Authority authority, stranger{"Another root"};
    Identity proxy = make_identity("p", &authority.root, "DNS:proxy.example");
    Identity cloud = make_identity("c", &authority.root, "DNS:cloud.example");
    Identity unknown = make_identity("c", &stranger.root, "DNS:cloud.example");
    TlsContext context{{authority.file}};
};

}  // namespace

TEST_CASE("each end of TLS in TLS is verified against its own name") {
    const Certificates known;
    Nested good(known.context, known.proxy, known.cloud);
    CHECK(good.shake_inner().moved());
    CHECK(good.proxy.server.name == "proxy.example");
    CHECK(good.server.name == "cloud.example");

    struct Row {
        const Identity& identity;
        const char* reason;
    };
    for (const Row& row : {Row{known.proxy, "hostname mismatch"},
                           Row{known.unknown, "unable to get local issuer certificate"}}) {
        Nested bad(known.context, known.proxy, row.identity);
        CHECK(bad.shake_inner().state == Transfer::State::kFailed);
        CHECK(bad.inner->handshake_error().fault == Fault::kCloudUntrusted);
        CHECK(bad.inner->handshake_error().detail == row.reason);
        CHECK(bad.inner->handshake_error().subject == "cloud.example:443");
    }

    const Pair pair;
    TlsStream proxy(known.context, on(pair), kProxy);
    Server wrong(known.cloud, pair.theirs.get());
    CHECK(shake(proxy, wrong).state == Transfer::State::kFailed);
    CHECK(proxy.handshake_error().fault == Fault::kProxyUntrusted);
    CHECK(proxy.handshake_error().detail == "hostname mismatch");
}

TEST_CASE("a cloud that speaks no TLS is told from a proxy that does not") {
    const Certificates known;
    Nested nested(known.context, known.proxy, known.cloud);
    const std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    REQUIRE(::write(nested.proxy.inside.theirs.get(), answer.data(), answer.size()) > 0);
    nested.proxy.pass();
    CHECK(nested.inner->handshake().state == Transfer::State::kFailed);
    CHECK(nested.inner->handshake_error().fault == Fault::kCloudTls);
    CHECK(nested.inner->handshake_error().detail == "wrong version number");
}

TEST_CASE("four full frames fit inside a proxy's TLS too, and a proxy that does not read blocks") {
    const Certificates known;
    for (const int version : {TLS1_3_VERSION, TLS1_2_VERSION}) {
        CAPTURE(version);
        Nested nested(known.context, known.proxy, known.cloud);
        SSL_set_max_proto_version(nested.server.ssl.get(), version);
        REQUIRE(nested.shake_inner().moved());
        TlsStream& client = *nested.inner;
        const int small = 4096;
        ::setsockopt(nested.proxy.outside.ours.get(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        const std::string frame = pattern(16 * 1024);
        std::string expected, got;
        for (int round = 0; round < 3; ++round) {
            for (std::size_t left = 4; left > 0; --left) {
                REQUIRE(client.records() == left);
                REQUIRE(client.room() == frame.size());
                CHECK(client.write(reinterpret_cast<const std::uint8_t*>(frame.data()),
                                   frame.size()));
                expected += frame;
            }
            CHECK(client.records() == 0);
            CHECK(client.flush().blocked());
            CHECK(client.pending());
            std::array<char, 20'000> buffer{};
            std::size_t size = 0;
            while (client.pending() || got.size() < expected.size()) {
                client.flush();
                nested.proxy.pass();
                while (SSL_read_ex(nested.server.ssl.get(), buffer.data(), buffer.size(), &size) ==
                       1)
                    got.append(buffer.data(), size);
            }
        }
        CHECK(got == expected);
    }
}

TEST_CASE("what comes through both is whole, and `drained` never hides a byte") {
    const Certificates known;
    Nested nested(known.context, known.proxy, known.cloud);
    REQUIRE(nested.shake_inner().moved());
    const std::string text = pattern(150'000);
    std::size_t size = 0;
    for (std::size_t at = 0; at < text.size(); at += 5000) {
        REQUIRE(SSL_write_ex(nested.server.ssl.get(), text.data() + at, 5000, &size) == 1);
        nested.proxy.pass();
    }
    std::string got;
    std::array<std::uint8_t, 7000> buffer{};
    Transfer read;
    while (!read.drained) {
        read = nested.inner->read(buffer.data(), buffer.size());
        if (!read.moved()) break;
        got.append(reinterpret_cast<const char*>(buffer.data()), read.bytes);
    }
    CHECK(got == text);
}

TEST_CASE("the end inside, the end of the proxy's TLS and the end of its connection are ends") {
    const Certificates known;
    for (const int how : {0, 1, 2}) {
        CAPTURE(how);
        Nested nested(known.context, known.proxy, known.cloud);
        REQUIRE(nested.shake_inner().moved());
        std::size_t size = 0;
        SSL_write_ex(nested.server.ssl.get(), "last", 4, &size);
        if (how == 0) SSL_shutdown(nested.server.ssl.get());
        nested.proxy.pass();
        if (how == 1) SSL_shutdown(nested.proxy.server.ssl.get());
        if (how > 0) nested.proxy.outside.theirs.reset();
        std::array<std::uint8_t, 100> buffer{};
        CHECK(nested.inner->read(buffer.data(), buffer.size()).bytes == 4);
        CHECK(nested.inner->read(buffer.data(), buffer.size()).state == Transfer::State::kEnded);
    }
}

TEST_CASE("goodbye is said inside first, then outside") {
    const Certificates known;
    Nested nested(known.context, known.proxy, known.cloud);
    REQUIRE(nested.shake_inner().moved());
    nested.inner->close();
    nested.proxy.pass();
    CHECK((SSL_get_shutdown(nested.proxy.server.ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0);
    std::array<char, 10> buffer{};
    std::size_t size = 0;
    CHECK(SSL_read_ex(nested.server.ssl.get(), buffer.data(), buffer.size(), &size) == 0);
    CHECK((SSL_get_shutdown(nested.server.ssl.get()) & SSL_RECEIVED_SHUTDOWN) != 0);
}

}  // namespace remote_access
