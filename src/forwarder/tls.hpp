// SPDX-License-Identifier: Apache-2.0
// TLS on a Carrier: to the cloud, or to an https:// proxy, and then the one to the cloud runs on
// it. Sent records are gathered by the wire at the bottom, in its
// buffer of fixed size, and leave in one call; nothing is gathered twice.
#pragma once

#include <memory>
#include <string>

#include "base/error.hpp"
#include "config/config.hpp"
#include "forwarder/carrier.hpp"
#include "forwarder/ends.hpp"
#include "forwarder/tls_context.hpp"

namespace remote_access {

/// Whose certificate is expected, and what is said when it fails.
struct TlsPeer {
    HostPort address;  ///< the certificate must be valid for its host: a name or an address
    Fault untrusted = Fault::kCloudUntrusted;
    Fault failed = Fault::kCloudTls;
};

class TlsStream final : public CloudEnd, public Carrier {
public:
    TlsStream(const TlsContext& context, std::unique_ptr<Carrier> below, const TlsPeer& peer);
    ~TlsStream() override;
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    /// kMoved: done. kBlocked: again when readable (or writable while pending()). kEnded: the other
    /// side closed or reset the connection. kFailed: handshake_error() says why.
    Transfer handshake();
    const Error& handshake_error() const;
    std::string description() const;  ///< "TLSv1.3, TLS_AES_256_GCM_SHA384"
    /// The fatal alert that the other side has sent, in OpenSSL's words; empty: none.
    const std::string& alert() const;
    /// What the other side has shown, trusted or not (certificate.hpp).
    std::string certificate() const;

    Transfer read(std::uint8_t* into, std::size_t room) override;
    std::size_t room() const override;
    std::size_t records() const override;
    bool write(const std::uint8_t* bytes, std::size_t size) override;

    /// As a Carrier. While it carries, nobody uses the four above.
    Transfer receive(char* into, std::size_t room) override;
    bool drained() const override;
    bool ended() const override;
    std::size_t gather(const char* bytes, std::size_t size) override;
    std::size_t space() const override;
    bool failed() const override;

    Transfer flush() override;
    bool pending() const override;
    bool lost() const override;
    Milliseconds acknowledgement_age() const override;
    Sent sent() const override;
    std::string failure() const override;
    /// close_notify, then the same below.
    void close() override;

private:
    struct Connection;
    std::unique_ptr<Connection> connection_;
};

}  // namespace remote_access
