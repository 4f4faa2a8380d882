// SPDX-License-Identifier: Apache-2.0
// What all TLS connections of a process have in common.
#pragma once

#include <memory>
#include <string>
#include <vector>

struct ssl_ctx_st;

namespace remote_access {

/// What is trusted, and the settings of every attempt. Made once a process, used by all attempts.
class TlsContext {
public:
    /// `root_cert_paths` beside the system's roots. What cannot be read is a warning in the log.
    explicit TlsContext(const std::vector<std::string>& root_cert_paths);
    TlsContext(const TlsContext&) = delete;
    TlsContext& operator=(const TlsContext&) = delete;

    /// Folders in which certificates are looked up during a handshake; all else is loaded.
    const std::vector<std::string>& lookup_folders() const { return lookup_folders_; }

    /// Frees the certificates: no further handshake will succeed.
    void forget_trust();

    /// OpenSSL's; none: every handshake fails.
    ssl_ctx_st* get() const { return context_.get(); }

private:
    struct Free {
        void operator()(ssl_ctx_st* context) const;
    };
    std::unique_ptr<ssl_ctx_st, Free> context_;
    std::vector<std::string> lookup_folders_;
};

}  // namespace remote_access
