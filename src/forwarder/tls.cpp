// SPDX-License-Identifier: Apache-2.0
#include "forwarder/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cassert>

#include "forwarder/carrier_bio.hpp"
#include "forwarder/certificate.hpp"
#include "forwarder/wire.hpp"

namespace remote_access {
namespace {

constexpr std::size_t kRecord = std::size_t{16} * 1024;
constexpr std::size_t kRecordOverhead = 128;  // header, nonce, tag, padding: 22 with TLS 1.3
constexpr std::size_t kReserve = 512;         // for what OpenSSL says by itself
static_assert(Wire::kGathered >= 4 * (kRecord + kRecordOverhead) + kReserve);

struct Free {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};

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

}  // namespace

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
    if (context.get() != nullptr) c.ssl.reset(SSL_new(context.get()));
    BIO* const bio = c.ssl ? carrier_bio(*c.below) : nullptr;
    if (bio == nullptr) {
        c.fail(openssl_reason());
        return;
    }
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
