// SPDX-License-Identifier: Apache-2.0
#include "forwarder/tls.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cassert>

#include "base/log.hpp"
#include "forwarder/certificate.hpp"
#include "forwarder/ciphers.hpp"
#include "forwarder/trust.hpp"
#include "forwarder/wire.hpp"

namespace remote_access {
namespace {

constexpr std::size_t kReadAhead = std::size_t{64} * 1024;
constexpr std::size_t kRecord = std::size_t{16} * 1024;
constexpr std::size_t kRecordOverhead = 128;  // header, nonce, tag, padding: 22 with TLS 1.3
constexpr std::size_t kReserve = 512;         // for what OpenSSL says by itself
static_assert(Wire::kGathered >= 4 * (kRecord + kRecordOverhead) + kReserve);

struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};

Carrier& below_of(BIO* bio) { return *static_cast<Carrier*>(BIO_get_data(bio)); }

int bio_write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    Carrier& below = below_of(bio);
    const std::size_t taken = below.gather(bytes, static_cast<std::size_t>(size));
    if (taken > 0) return static_cast<int>(taken);
    if (!below.failed()) BIO_set_retry_write(bio);
    return -1;
}

int bio_read(BIO* bio, char* into, int room) {
    BIO_clear_retry_flags(bio);
    const Transfer got = below_of(bio).receive(into, static_cast<std::size_t>(room));
    if (got.moved()) return static_cast<int>(got.bytes);
    if (got.blocked()) BIO_set_retry_read(bio);
    return got.state == Transfer::State::kEnded ? 0 : -1;
}

long bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return below_of(bio).ended() ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/// One for the process. It holds no memory of a connection.
const BIO_METHOD* carrier_method() {
    static const std::unique_ptr<BIO_METHOD, Free> method = [] {
        std::unique_ptr<BIO_METHOD, Free> made(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "carrier"));
        BIO_meth_set_write(made.get(), bio_write);
        BIO_meth_set_read(made.get(), bio_read);
        BIO_meth_set_ctrl(made.get(), bio_control);
        return made;
    }();
    return method.get();
}

std::string openssl_reason() {
    const unsigned long code = ERR_peek_error();
    const char* const text = ERR_reason_error_string(code);
    return text != nullptr ? text : "error " + std::to_string(ERR_GET_REASON(code));
}

/// Whether the first error of OpenSSL's queue is an alert that was received.
bool is_alert() {
    const unsigned long code = ERR_peek_error();
    return ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET;
}

std::vector<std::string> load_trust(SSL_CTX* context, const std::vector<std::string>& paths) {
    TrustPlan plan = plan_trust(paths, X509_get_default_cert_dir());
    X509_STORE* const store = SSL_CTX_get_cert_store(context);
    for (const std::string& folder : plan.hashed_folders)
        X509_STORE_load_path(store, folder.c_str());
    for (const std::string& file : plan.files) {
        if (X509_STORE_load_file(store, file.c_str()) != 1)
            plan.warnings.push_back("no certificate can be read from " + file);
    }
    // Elsewhere than on Debian the system's roots may be one file.
    if (plan.hashed_folders.empty()) SSL_CTX_set_default_verify_paths(context);
    for (const std::string& warning : plan.warnings) log::warn(warning);
    // As thin-edge does: whatever is in root_cert_path is trusted, an intermediate too.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    ERR_clear_error();
    return std::move(plan.hashed_folders);
}

}  // namespace

struct TlsContext::Library {
    std::unique_ptr<SSL_CTX, Free> context;
};

TlsContext::TlsContext(const std::vector<std::string>& root_cert_paths)
    : library_(std::make_unique<Library>()) {
    library_->context.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX* const context = library_->context.get();
    if (context == nullptr) return;  // every handshake then fails with OpenSSL's reason
    if (SSL_CTX_get_min_proto_version(context) < TLS1_2_VERSION)
        SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
    const char* const processor = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS);
    if (processor != nullptr && !has_aes(processor)) {
        SSL_CTX_set_ciphersuites(context,
                                 "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"
                                 "TLS_AES_256_GCM_SHA384");
        SSL_CTX_set_cipher_list(context, "ECDHE+CHACHA20:DEFAULT");
    }
    lookup_folders_ = load_trust(context, root_cert_paths);
}

TlsContext::~TlsContext() = default;

void TlsContext::forget_trust() {
    if (library_->context) SSL_CTX_set_cert_store(library_->context.get(), X509_STORE_new());
}

struct TlsStream::Connection {
    explicit Connection(std::unique_ptr<Carrier> carrier) : below(std::move(carrier)) {}

    std::unique_ptr<Carrier> below;  // outlives ssl, which points to it
    std::unique_ptr<SSL, Free> ssl;
    bool broken = false;  // OpenSSL must not be called any more
    bool ended = false;
    std::string failure, alert;
    Fault untrusted{}, failed{};
    Error error;

    Transfer outcome(int result);
    void fail(std::string why) {
        broken = true;
        failure = std::move(why);
    }
};

TlsStream::TlsStream(const TlsContext& context, std::unique_ptr<Carrier> below, const TlsPeer& peer)
    : connection_(std::make_unique<Connection>(std::move(below))) {
    Connection& c = *connection_;
    c.error.subject = peer.address.text();
    c.untrusted = peer.untrusted;
    c.failed = peer.failed;
    if (context.library_->context) c.ssl.reset(SSL_new(context.library_->context.get()));
    BIO* const bio = c.ssl ? BIO_new(carrier_method()) : nullptr;
    if (bio == nullptr) {
        c.fail(openssl_reason());
        return;
    }
    BIO_set_data(bio, c.below.get());
    BIO_set_init(bio, 1);
    SSL_set_bio(c.ssl.get(), bio, bio);
    SSL_set_connect_state(c.ssl.get());
    std::string name = peer.address.host;
    if (!name.empty() && name.back() == '.') name.pop_back();
    X509_VERIFY_PARAM* const expected = SSL_get0_param(c.ssl.get());
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, name.c_str()) == 1) return;
    ERR_clear_error();
    SSL_ctrl(c.ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data());
    if (X509_VERIFY_PARAM_set1_host(expected, name.data(), name.size()) != 1)
        c.fail("the host name cannot be verified");
}

TlsStream::~TlsStream() = default;

/// What a call of OpenSSL that moved nothing means.
Transfer TlsStream::Connection::outcome(int result) {
    const int code = SSL_get_error(ssl.get(), result);
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) return {};
    ended = code == SSL_ERROR_ZERO_RETURN;
    if (ended) return {Transfer::State::kEnded};
    if (is_alert()) alert = openssl_reason();
    ended = below->ended() && !below->failed();  // without close_notify: an end nevertheless
    fail(below->failed() ? below->failure() : ended ? std::string() : openssl_reason());
    ERR_clear_error();
    return {ended ? Transfer::State::kEnded : Transfer::State::kFailed};
}

Transfer TlsStream::handshake() {
    Connection& c = *connection_;
    c.error.fault = c.failed;
    c.error.detail = c.failure;
    if (c.broken) return {Transfer::State::kFailed};
    ERR_clear_error();
    const int result = SSL_do_handshake(c.ssl.get());
    Transfer transfer = result == 1 ? Transfer{Transfer::State::kMoved} : c.outcome(result);
    const Transfer sent = flush();  // an alert that says why, too
    if (transfer.moved() || transfer.blocked())
        return sent.state == Transfer::State::kFailed ? Transfer{Transfer::State::kEnded}
                                                      : transfer;
    const long verdict = SSL_get_verify_result(c.ssl.get());
    const bool vanished = transfer.state == Transfer::State::kEnded || c.below->failed();
    if (verdict == X509_V_OK && vanished) return {Transfer::State::kEnded};
    c.error.detail = c.failure;
    if (verdict != X509_V_OK) {
        c.error.fault = c.untrusted;
        c.error.detail = X509_verify_cert_error_string(verdict);
    }
    return {Transfer::State::kFailed};
}

const Error& TlsStream::handshake_error() const { return connection_->error; }

const std::string& TlsStream::alert() const { return connection_->alert; }

std::string TlsStream::description() const {
    const SSL* const ssl = connection_->ssl.get();
    return std::string(SSL_get_version(ssl)) + ", " + SSL_get_cipher_name(ssl);
}

std::string TlsStream::certificate() const {
    return connection_->ssl ? certificate_text(connection_->ssl.get()) : std::string();
}

Transfer TlsStream::read(std::uint8_t* into, std::size_t room) {
    Connection& c = *connection_;
    if (c.broken) return {Transfer::State::kFailed};
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(c.ssl.get(), into, room, &got);
    if (result != 1) return c.outcome(result);
    return {Transfer::State::kMoved, got, drained()};
}

/// At most one record, so that its overhead is known.
std::size_t TlsStream::room() const {
    const std::size_t space = connection_->below->space();
    if (connection_->broken || space <= kReserve + kRecordOverhead) return 0;
    return std::min(space - kReserve - kRecordOverhead, kRecord);
}

std::size_t TlsStream::records() const {
    const std::size_t space = connection_->below->space();
    if (connection_->broken || space <= kReserve) return 0;
    return (space - kReserve) / (kRecord + kRecordOverhead);
}

bool TlsStream::write(const std::uint8_t* bytes, std::size_t size) {
    Connection& c = *connection_;
    if (c.broken) return false;
    assert(size <= room());
    ERR_clear_error();
    std::size_t written = 0;
    const int result = SSL_write_ex(c.ssl.get(), bytes, size, &written);
    if (result == 1) return true;
    if (c.outcome(result).blocked()) c.fail("the record does not fit");  // excluded by room()
    return false;
}

Transfer TlsStream::receive(char* into, std::size_t room) {
    return read(reinterpret_cast<std::uint8_t*>(into), room);
}

bool TlsStream::drained() const {
    return connection_->below->drained() && SSL_has_pending(connection_->ssl.get()) == 0;
}

bool TlsStream::ended() const { return connection_->ended; }

/// What fits when every record takes the overhead that is put aside for it.
std::size_t TlsStream::space() const {
    const std::size_t below = connection_->below->space();
    if (connection_->broken || below <= kReserve) return 0;
    const std::size_t last = (below - kReserve) % (kRecord + kRecordOverhead);
    return records() * kRecord + (last > kRecordOverhead ? last - kRecordOverhead : 0);
}

/// Called by OpenSSL for the connection that is carried, perhaps for the alert that follows its
/// error: what is in OpenSSL's queue of errors belongs to that one and stays there.
std::size_t TlsStream::gather(const char* bytes, std::size_t size) {
    Connection& c = *connection_;
    const std::size_t fits = std::min(size, space());
    std::size_t taken = 0;
    while (taken < fits) {
        const std::size_t part = std::min(fits - taken, kRecord);
        std::size_t written = 0;
        ERR_set_mark();
        const bool done = SSL_write_ex(c.ssl.get(), bytes + taken, part, &written) == 1;
        if (!done) c.fail("its connection is broken");
        ERR_pop_to_mark();
        if (!done) return taken;
        taken += part;
    }
    return taken;
}

bool TlsStream::failed() const {
    return connection_->below->failed() || !connection_->failure.empty();
}

Transfer TlsStream::flush() { return connection_->below->flush(); }
bool TlsStream::pending() const { return connection_->below->pending(); }
bool TlsStream::lost() const { return connection_->below->lost(); }
Milliseconds TlsStream::acknowledgement_age() const {
    return connection_->below->acknowledgement_age();
}
Sent TlsStream::sent() const { return connection_->below->sent(); }

std::string TlsStream::failure() const {
    const Connection& c = *connection_;
    return c.below->failed() ? c.below->failure() : c.failure;
}

void TlsStream::close() {
    Connection& c = *connection_;
    if (!c.broken && SSL_is_init_finished(c.ssl.get()) == 1) SSL_shutdown(c.ssl.get());
    ERR_clear_error();
    c.below->close();
}

}  // namespace remote_access
