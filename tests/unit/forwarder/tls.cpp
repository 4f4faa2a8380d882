// SPDX-License-Identifier: Apache-2.0
#include "forwarder/tls.hpp"

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>

#include "base/fd.hpp"
#include "frames.hpp"

namespace remote_access {
namespace {

namespace fs = std::filesystem;

struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

struct Identity {
    Owned<EVP_PKEY> key{EVP_EC_gen("P-256")};
    Owned<X509> certificate{X509_new()};
};

void extend(X509* certificate, X509* issuer, int id, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
    REQUIRE(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/// `names` as in subjectAltName; none: a CA. Valid from `from` to `to` seconds from now.
Identity make_identity(const char* common_name, const Identity* issuer, const char* names,
                       long from = -3600, long to = 3600) {
    Identity made;
    X509* const x = made.certificate.get();
    X509_set_version(x, 2);
    static long serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), from);
    X509_gmtime_adj(X509_getm_notAfter(x), to);
    X509_set_pubkey(x, made.key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
    X509* const parent = issuer != nullptr ? issuer->certificate.get() : x;
    X509_set_issuer_name(x, X509_get_subject_name(parent));
    extend(x, parent, NID_basic_constraints, names == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
    if (names != nullptr) extend(x, parent, NID_subject_alt_name, names);
    X509_sign(x, issuer != nullptr ? issuer->key.get() : made.key.get(), EVP_sha256());
    return made;
}

/// A certificate authority whose root is in a file below a folder of its own.
struct Authority {
    explicit Authority(const char* name = "Test root")
        : root(make_identity(name, nullptr, nullptr)) {
        std::string pattern = (fs::temp_directory_path() / "tls-XXXXXX").string();
        folder = ::mkdtemp(pattern.data());
        file = folder + "/root.pem";
        std::FILE* const out = std::fopen(file.c_str(), "w");
        PEM_write_X509(out, root.certificate.get());
        std::fclose(out);
    }
    ~Authority() { fs::remove_all(folder); }

    Identity root;
    std::string folder, file;
};

/// The cloud's side, in the same thread: both sides never wait.
struct Server {
    Server(const Identity& identity, int descriptor, int version = TLS1_3_VERSION) {
        SSL_CTX_use_certificate(context.get(), identity.certificate.get());
        SSL_CTX_use_PrivateKey(context.get(), identity.key.get());
        SSL_CTX_set_security_level(context.get(), 0);
        SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context.get(), version);
        SSL_CTX_callback_ctrl(context.get(), SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                              reinterpret_cast<void (*)()>(&Server::on_name));
        SSL_CTX_set_tlsext_servername_arg(context.get(), this);
        ssl.reset(SSL_new(context.get()));
        SSL_set_fd(ssl.get(), descriptor);
        SSL_set_accept_state(ssl.get());
    }
    static int on_name(SSL* ssl, int*, void* self) {
        const char* const name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
        if (name != nullptr) static_cast<Server*>(self)->name = name;
        return SSL_TLSEXT_ERR_OK;
    }

    Owned<SSL_CTX> context{SSL_CTX_new(TLS_server_method())};
    Owned<SSL> ssl;
    std::string name;
};

struct Pair {
    Pair() {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        ours.reset(ends[0]);
        theirs.reset(ends[1]);
    }
    Fd ours, theirs;
};

Transfer shake(TlsStream& client, Server& server) {
    Transfer state;
    for (int turn = 0; turn < 20 && state.blocked(); ++turn) {
        state = client.handshake();
        SSL_do_handshake(server.ssl.get());
        ERR_clear_error();
    }
    return state;
}

}  // namespace

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
            TlsStream client(context, pair.ours.get(), {row.host, 443});
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
        TlsStream client(context, pair.ours.get(), {"cloud.example", 443});
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
    TlsStream client(context, pair.ours.get(), {"cloud.example", 443});
    Server server(leaf, pair.theirs.get());
    REQUIRE(shake(client, server).moved());
    context.forget_trust();

    const std::string text = testing::pattern(10'000);
    REQUIRE(client.room() >= text.size());
    CHECK(client.write(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
    CHECK(client.pending());
    CHECK(client.flush().moved());
    std::string got(20'000, '\0');
    std::size_t size = 0;
    REQUIRE(SSL_read_ex(server.ssl.get(), got.data(), got.size(), &size) == 1);
    CHECK(got.substr(0, size) == text);

    TlsStream late(context, other.ours.get(), {"cloud.example", 443});
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
    TlsStream client(context, pair.ours.get(), {"cloud.example", 443});
    Server server(leaf, pair.theirs.get());
    REQUIRE(shake(client, server).moved());
    const std::string frame = testing::pattern(16 * 1024);
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
        TlsStream client(context, pair.ours.get(), {"cloud.example", 443});
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

TEST_CASE("a peer that leaves during the handshake, or speaks something else") {
    const TlsContext context({});
    Pair gone, http;
    gone.theirs.reset();
    TlsStream first(context, gone.ours.get(), {"cloud.example", 443});
    CHECK(first.handshake().state == Transfer::State::kEnded);

    const std::string answer = "HTTP/1.1 400 Bad Request\r\n\r\n";
    REQUIRE(::write(http.theirs.get(), answer.data(), answer.size()) > 0);
    TlsStream second(context, http.ours.get(), {"cloud.example", 443});
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
    TlsStream client(context, pair.ours.get(), {"cloud.example", 443});
    Server server(leaf, pair.theirs.get());
    REQUIRE(shake(client, server).moved());
    const std::string text = testing::pattern(100);  // each is a record
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
