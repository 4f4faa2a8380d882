// SPDX-License-Identifier: Apache-2.0
#include "forwarder/tls.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/log.hpp"
#include "forwarder/trust.hpp"

namespace remote_access {
namespace {

constexpr std::size_t kReadAhead = 64 * 1024;
constexpr std::size_t kRecord = 16 * 1024;
constexpr std::size_t kRecordOverhead = 128;  // header, nonce, tag, padding: 22 with TLS 1.3
/// Two full records, some control frames, and room for what OpenSSL says by itself.
constexpr std::size_t kGathered = 2 * (kRecord + kRecordOverhead) + 2048;
constexpr std::size_t kReserve = 512;

struct Free {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
    void operator()(SSL* ssl) const { SSL_free(ssl); }
    void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};

/// The descriptor as OpenSSL sees it.
struct Wire {
    int descriptor = -1;
    bool drained = false, ended = false;
    int error = 0;
    std::size_t begin = 0, end = 0;
    std::array<char, kGathered> gathered;  // not initialised: untouched pages cost nothing
};

Wire& wire_of(BIO* bio) { return *static_cast<Wire*>(BIO_get_data(bio)); }

int bio_write(BIO* bio, const char* bytes, int size) {
    Wire& wire = wire_of(bio);
    BIO_clear_retry_flags(bio);
    const std::size_t room = wire.gathered.size() - wire.end;
    const std::size_t taken = std::min(room, static_cast<std::size_t>(size));
    if (taken == 0) {
        BIO_set_retry_write(bio);
        return -1;
    }
    std::memcpy(wire.gathered.data() + wire.end, bytes, taken);
    wire.end += taken;
    return static_cast<int>(taken);
}

int bio_read(BIO* bio, char* into, int room) {
    Wire& wire = wire_of(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got = -1;
    do {
        got = ::recv(wire.descriptor, into, static_cast<std::size_t>(room), MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    wire.drained = got < room;
    wire.ended = got == 0;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
        BIO_set_retry_read(bio);
    } else if (got < 0) {
        wire.error = errno;
    }
    return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return wire_of(bio).ended ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

/// One for the process. It holds no memory of a connection.
const BIO_METHOD* wire_method() {
    static const std::unique_ptr<BIO_METHOD, Free> method = [] {
        std::unique_ptr<BIO_METHOD, Free> made(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wire"));
        BIO_meth_set_write(made.get(), bio_write);
        BIO_meth_set_read(made.get(), bio_read);
        BIO_meth_set_ctrl(made.get(), bio_control);
        return made;
    }();
    return method.get();
}

/// Bit `index` of OpenSSL's own list of the processor's features; what it lacks there, it does not
/// use, whatever the processor says. True where the list is not understood.
bool processor_has_aes() {
    const char* const text = OPENSSL_info(OPENSSL_INFO_CPU_SETTINGS);
    if (text == nullptr) return true;
    const std::string_view settings(text);
    const auto bit = [&settings](std::string_view name, unsigned index) {
        const std::string digits(settings.substr(name.size()));
        return (std::strtoull(digits.c_str(), nullptr, 16) >> index & 1U) != 0;
    };
    constexpr std::string_view kX86 = "OPENSSL_ia32cap=", kArm = "OPENSSL_armcap=";
    if (settings.substr(0, kX86.size()) == kX86) return bit(kX86, 57);
    if (settings.substr(0, kArm.size()) == kArm) return bit(kArm, 2);
    return true;
}

std::string openssl_reason() {
    const unsigned long code = ERR_peek_error();
    const char* const text = ERR_reason_error_string(code);
    return text != nullptr ? text : "error " + std::to_string(ERR_GET_REASON(code));
}

void load_trust(SSL_CTX* context, std::vector<std::string> paths) {
    paths.emplace_back(X509_get_default_cert_dir());
    TrustPlan plan = plan_trust(paths);
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
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, kReadAhead);
    if (!processor_has_aes()) {
        SSL_CTX_set_ciphersuites(context,
                                 "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256:"
                                 "TLS_AES_256_GCM_SHA384");
        SSL_CTX_set_cipher_list(context, "ECDHE+CHACHA20:DEFAULT");
    }
    load_trust(context, root_cert_paths);
}

TlsContext::~TlsContext() = default;

void TlsContext::forget_trust() {
    if (library_->context) SSL_CTX_set_cert_store(library_->context.get(), X509_STORE_new());
}

struct TlsStream::Connection {
    Wire wire;  // outlives ssl, which points to it
    std::unique_ptr<SSL, Free> ssl;
    bool broken = false;  // OpenSSL must not be called any more
    std::string failure;
    Error error;

    Transfer outcome(int result);
    void fail(std::string why);
};

TlsStream::TlsStream(const TlsContext& context, int descriptor, const HostPort& cloud)
    : connection_(new Connection) {
    Connection& c = *connection_;
    c.wire.descriptor = descriptor;
    c.error.subject = cloud.text();
    if (context.library_->context) c.ssl.reset(SSL_new(context.library_->context.get()));
    BIO* const bio = c.ssl ? BIO_new(wire_method()) : nullptr;
    if (bio == nullptr) {
        c.fail(openssl_reason());
        return;
    }
    BIO_set_data(bio, &c.wire);
    BIO_set_init(bio, 1);
    SSL_set_bio(c.ssl.get(), bio, bio);
    SSL_set_connect_state(c.ssl.get());
    std::string name = cloud.host;
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

void TlsStream::Connection::fail(std::string why) {
    broken = true;
    failure = std::move(why);
}

/// What a call of OpenSSL that moved nothing means.
Transfer TlsStream::Connection::outcome(int result) {
    const int code = SSL_get_error(ssl.get(), result);
    if (code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE) return {};
    if (code == SSL_ERROR_ZERO_RETURN) return {Transfer::State::kEnded};
    const int system = wire.error;
    const bool ended = wire.ended;
    fail(system != 0 ? std::strerror(system) : openssl_reason());
    ERR_clear_error();
    if (ended && system == 0) {  // without close_notify: an end nevertheless
        failure.clear();
        return {Transfer::State::kEnded};
    }
    return {Transfer::State::kFailed};
}

Transfer TlsStream::handshake() {
    Connection& c = *connection_;
    c.error.fault = Fault::kCloudTls;
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
    const bool vanished = transfer.state == Transfer::State::kEnded || c.wire.error != 0;
    if (verdict == X509_V_OK && vanished) return {Transfer::State::kEnded};
    c.error.detail = c.failure;
    if (verdict != X509_V_OK) {
        c.error.fault = Fault::kCloudUntrusted;
        c.error.detail = X509_verify_cert_error_string(verdict);
    }
    return {Transfer::State::kFailed};
}

const Error& TlsStream::handshake_error() const { return connection_->error; }

std::string TlsStream::description() const {
    const SSL* const ssl = connection_->ssl.get();
    return std::string(SSL_get_version(ssl)) + ", " + SSL_get_cipher_name(ssl);
}

Transfer TlsStream::read(std::uint8_t* into, std::size_t room) {
    Connection& c = *connection_;
    if (c.broken) return {Transfer::State::kFailed};
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(c.ssl.get(), into, room, &got);
    if (result != 1) return c.outcome(result);
    const bool drained = c.wire.drained && SSL_has_pending(c.ssl.get()) == 0;
    return {Transfer::State::kMoved, got, drained};
}

std::size_t TlsStream::room() const {
    const Wire& wire = connection_->wire;
    const std::size_t used = wire.end + kReserve + kRecordOverhead;
    if (connection_->broken || used >= wire.gathered.size()) return 0;
    // One record here, each write() being at most one.
    return std::min(wire.gathered.size() - used, kRecord);
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

Transfer TlsStream::flush() {
    Wire& wire = connection_->wire;
    while (wire.begin < wire.end) {
        const ssize_t sent = ::send(wire.descriptor, wire.gathered.data() + wire.begin,
                                    wire.end - wire.begin, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return {};
        if (sent < 0) {  // what was received before can still be read
            connection_->failure = std::strerror(errno);
            wire.begin = wire.end = 0;
            return {Transfer::State::kFailed};
        }
        wire.begin += static_cast<std::size_t>(sent);
    }
    wire.begin = wire.end = 0;
    return {Transfer::State::kMoved};
}

bool TlsStream::pending() const { return connection_->wire.begin < connection_->wire.end; }
std::string TlsStream::failure() const { return connection_->failure; }

void TlsStream::close() {
    Connection& c = *connection_;
    if (!c.broken && SSL_is_init_finished(c.ssl.get()) == 1) SSL_shutdown(c.ssl.get());
    ERR_clear_error();
    flush();
}

}  // namespace remote_access
