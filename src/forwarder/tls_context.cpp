// SPDX-License-Identifier: Apache-2.0
#include "forwarder/tls_context.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <utility>

#include "base/log.hpp"
#include "forwarder/ciphers.hpp"
#include "forwarder/trust.hpp"

namespace remote_access {
namespace {

constexpr std::size_t kReadAhead = std::size_t{64} * 1024;

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

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

TlsContext::TlsContext(const std::vector<std::string>& root_cert_paths)
    : context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX* const context = context_.get();
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

void TlsContext::forget_trust() {
    if (context_) SSL_CTX_set_cert_store(context_.get(), X509_STORE_new());
}

}  // namespace remote_access
