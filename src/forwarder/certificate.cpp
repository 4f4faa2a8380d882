// SPDX-License-Identifier: Apache-2.0
#include "forwarder/certificate.hpp"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <cstdio>
#include <ctime>
#include <memory>

#include "base/error.hpp"

namespace remote_access {
namespace {

constexpr std::size_t kShownName = 80, kShownNames = 160;

struct Free {
    void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
    void operator()(char* text) const { OPENSSL_free(text); }
};

std::string text_of(const ASN1_STRING* string) {
    const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(string));
    return {bytes, static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string address_text(const ASN1_OCTET_STRING* address) {
    const int size = ASN1_STRING_length(address);
    if (size != 4 && size != 16) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address), text.data(),
                text.size());
    return text.data();
}

std::string common_name(const X509_NAME* name) {
    const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at >= 0)
        return printable(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at))),
                         kShownName);
    const std::unique_ptr<char, Free> whole(X509_NAME_oneline(name, nullptr, 0));
    return whole ? printable(whole.get(), kShownName) : "";
}

/// Its names as a client compares them; those of old without any are for the common name.
std::string names_of(const X509* certificate) {
    const std::unique_ptr<GENERAL_NAMES, Free> names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    std::string all;
    for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
        const GENERAL_NAME* one = sk_GENERAL_NAME_value(names.get(), i);
        std::string text;
        if (one->type == GEN_DNS) text = text_of(one->d.dNSName);
        if (one->type == GEN_IPADD) text = address_text(one->d.iPAddress);
        if (!text.empty()) all += (all.empty() ? "" : ", ") + text;
    }
    return all.empty() ? common_name(X509_get_subject_name(certificate))
                       : printable(all, kShownNames);
}

std::string day_of(const ASN1_TIME* time) {
    std::tm day{};
    std::array<char, 32> text{};
    if (ASN1_TIME_to_tm(time, &day) != 1 ||
        std::strftime(text.data(), text.size(), "%Y-%m-%d", &day) == 0)
        return "?";
    return text.data();
}

}  // namespace

std::string certificate_text(const ssl_st* connection) {
    // Also what could not be verified is there, as far as it was followed.
    const STACK_OF(X509)* const chain = SSL_get0_verified_chain(connection);
    if (chain == nullptr || sk_X509_num(chain) == 0) return {};
    const X509* const leaf = sk_X509_value(chain, 0);
    const X509* const top = sk_X509_value(chain, sk_X509_num(chain) - 1);
    const std::string issuer = common_name(X509_get_issuer_name(leaf));
    const std::string root = common_name(X509_get_issuer_name(top));
    return "for " + names_of(leaf) + "; issued by " + issuer +
           (root != issuer ? " below " + root : "") + "; valid from " +
           day_of(X509_get0_notBefore(leaf)) + " to " + day_of(X509_get0_notAfter(leaf));
}

}  // namespace remote_access
