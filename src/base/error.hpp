// SPDX-License-Identifier: Apache-2.0
// What can go wrong, as a value, and the one place where it becomes text that a user or the cloud
// reads. A station says fault, subject and detail; only reason() makes a sentence of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace remote_access {

/// The class of a failure: what a caller can act on. Each has one row in error.cpp.
enum class Fault {
    kPayload,        ///< the operation's text is not usable; detail says where
    kSettings,       ///< a settings file or TEDGE_* value; subject names the file or variable
    kDisabled,       ///< `enabled = false`
    kPolicy,         ///< no rule allows the target; detail names address and setting
    kApproval,       ///< the approve command said no, or could not be asked
    kSessionLimit,   ///< limits.sessions reached; detail is the number
    kLockHeld,       ///< others had it too long; subject is the lock file, detail how long
    kBroker,         ///< MQTT broker not reachable, or it refuses; subject is host:port
    kToken,          ///< no JWT
    kCredentials,    ///< credentials file; subject is its path
    kTargetRefused,  ///< subject of all kTarget…: the host:port asked for
    kTargetUnreachable,
    kTargetNotFound,
    kTargetTimeout,
    kTargetClosed,
    kCloudRefused,  ///< subject of all kCloud…: the cloud's host:port
    kCloudUnreachable,
    kCloudNotFound,
    kCloudTimeout,
    kCloudClosed,        ///< ended the connection before the session stood; detail: in which phase
    kCloudUntrusted,     ///< certificate not accepted; detail is OpenSSL's reason
    kCloudTls,           ///< any other TLS failure
    kCloudStatus,        ///< an HTTP status that is not 101; detail is "404 Not Found: body"
    kCloudUnauthorized,  ///< HTTP 401 again with a fresh JWT, or with Basic login
    kCloudAnswer,        ///< not an acceptable HTTP or WebSocket answer
    kProxyRefused,       ///< subject of all kProxy…: the proxy's host:port
    kProxyUnreachable,
    kProxyNotFound,
    kProxyTimeout,
    kProxyClosed,        ///< ended the connection before it let us through; detail: in which phase
    kProxyUntrusted,     ///< https:// proxy: certificate not accepted; detail is OpenSSL's reason
    kProxyTls,           ///< any other TLS failure with an https:// proxy
    kProxyUnauthorized,  ///< HTTP 407 or 401; detail is "407 Proxy Authentication …"
    kProxyStatus,        ///< any other HTTP status; detail is "403 Filtered, for cloud:443"
    kProxyAnswer,        ///< not the answer of an HTTP proxy
    kTimeout,            ///< limits.connect is over; detail says what was still awaited
    kProcess,            ///< one of our own processes died or could not be started
    kStopped,            ///< the session was told to end (a signal) before both ends stood
    kSession,            ///< the session service refuses; detail says why
    kOperationFile,      ///< setup cannot put it in place or take it away; subject is its path
    kUndeclared,         ///< setup could not tell the cloud the protocols; detail is the reason
    kRestarted,          ///< of an operation: the device has restarted meanwhile
    kLeftBehind,         ///< such operations could not be failed; detail is the reason
    kSandbox,            ///< `sandbox = "required"` and pieces (detail) are missing here
    kSystem,             ///< a call of the operating system failed; detail is its text
};

struct Error {
    Fault fault = Fault::kSystem;
    std::string subject;
    std::string detail;
};

/// A row's name on the wire between our processes, and back.
std::string_view fault_name(Fault fault);
std::optional<Fault> fault_from_name(std::string_view name);

/// Cumulocity and thin-edge cut a reason at 500 bytes (facts/thin-edge.md §4); ours stays below.
constexpr std::size_t kReasonLimit = 480;

/// One printable ASCII line of at most kReasonLimit bytes: what failed and what to do.
std::string reason(const Error& error);

/// `text` on one line in printable ASCII: everything else becomes a blank or '?', runs of blanks
/// one blank; at most `limit` bytes, a cut shown by "...".
std::string printable(std::string_view text, std::size_t limit);

/// An Error for errno value `code` in the words of the system: "open: No such file or directory".
Error system_error(std::string_view what, int code);

}  // namespace remote_access
