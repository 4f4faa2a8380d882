// SPDX-License-Identifier: Apache-2.0
// TLS to the cloud, on a descriptor that somebody else owns and waits for. OpenSSL is known only to
// tls.cpp. Sent records are gathered in a buffer of fixed size and leave in one call.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "config/config.hpp"
#include "forwarder/ends.hpp"

namespace remote_access {

/// What is trusted, and the settings of every attempt. Made once a process, used by all attempts.
class TlsContext {
public:
    /// `root_cert_paths` beside the system's roots. What cannot be read is a warning in the log.
    explicit TlsContext(const std::vector<std::string>& root_cert_paths);
    ~TlsContext();
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    /// Frees the certificates: no further handshake will succeed.
    void forget_trust();

private:
    friend class TlsStream;
    struct Library;
    std::unique_ptr<Library> library_;
};

class TlsStream final : public CloudEnd {
public:
    /// The certificate must be valid for the name or address `cloud.host`.
    TlsStream(const TlsContext& context, int descriptor, const HostPort& cloud);
    ~TlsStream() override;
    TlsStream(const TlsStream&) = delete;
    TlsStream& operator=(const TlsStream&) = delete;

    /// kMoved: done. kBlocked: again when readable (or writable while pending()). kEnded: the other
    /// side closed or reset the connection. kFailed: handshake_error() says why.
    Transfer handshake();
    const Error& handshake_error() const;
    std::string description() const;  ///< "TLSv1.3, TLS_AES_256_GCM_SHA384"

    Transfer read(std::uint8_t* into, std::size_t room) override;
    std::size_t room() const override;
    std::size_t records() const override;
    bool write(const std::uint8_t* bytes, std::size_t size) override;
    Transfer flush() override;
    bool pending() const override;
    bool lost() const override;
    Milliseconds unacknowledged_for() const override;
    std::string failure() const override;

    /// Says goodbye (close_notify) as far as it can be said without waiting.
    void close();

private:
    struct Connection;
    std::unique_ptr<Connection> connection_;
};

}  // namespace remote_access
