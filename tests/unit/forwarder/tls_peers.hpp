// SPDX-License-Identifier: Apache-2.0
// The other side of TLS in unit tests: authorities, certificates and a server, in the same thread
// and process, on one end of a socket pair.
#pragma once

#include <doctest/doctest.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "forwarder/tls.hpp"
#include "forwarder/wire.hpp"

namespace remote_access::testing {

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

inline void extend(X509* certificate, X509* issuer, int id, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, id, value);
    REQUIRE(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

/// `names` as in subjectAltName; none: a CA. Valid from `from` to `to` seconds from now.
inline Identity make_identity(const char* common_name, const Identity* issuer, const char* names,
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

inline Transfer shake(TlsStream& client, Server& server) {
    Transfer state;
    for (int turn = 0; turn < 20 && state.blocked(); ++turn) {
        state = client.handshake();
        SSL_do_handshake(server.ssl.get());
        ERR_clear_error();
    }
    return state;
}

inline std::unique_ptr<Carrier> on(const Pair& pair) {
    return std::make_unique<Wire>(pair.ours.get());
}

}  // namespace remote_access::testing
