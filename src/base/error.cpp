// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace remote_access {
namespace {

struct Row {
    Fault fault;
    std::string_view name;
    std::string_view sentence;  // {s} is the subject, {d} the detail
};

constexpr std::array kRows{
    Row{Fault::kPayload, "payload", "operation not understood: {d}"},
    Row{Fault::kSettings, "settings", "settings {s}: {d}"},
    Row{Fault::kDisabled, "disabled",
        "remote access is switched off on this device (enabled = false in {s})"},
    Row{Fault::kPolicy, "policy", "target {s} is not allowed on this device: {d}"},
    Row{Fault::kApproval, "approval", "target {s} was not approved on this device: {d}"},
    Row{Fault::kSessionLimit, "session_limit",
        "all {d} session(s) of this device are in use (limits.sessions in {s})"},
    Row{Fault::kLockHeld, "lock_held",
        "{s} was held by other processes for {d} (too many requests at once? try again)"},
    Row{Fault::kBroker, "broker", "MQTT broker {s}: {d} (check mqtt.client.* and the broker)"},
    Row{Fault::kToken, "token",
        "no JWT from the cloud: {d} (is the bridge to Cumulocity up? try: tedge connect c8y "
        "--test)"},
    Row{Fault::kCredentials, "credentials",
        "credentials file {s}: {d} (check c8y.credentials_path)"},
    Row{Fault::kTargetRefused, "target_refused",
        "target {s}: connection refused (is the service running?)"},
    Row{Fault::kTargetUnreachable, "target_unreachable",
        "target {s}: not reachable: {d} (is the host up and on the device's network?)"},
    Row{Fault::kTargetNotFound, "target_not_found",
        "target {s}: no such host: {d} (check the endpoint's host name and the device's DNS)"},
    Row{Fault::kTargetTimeout, "target_timeout",
        "target {s}: no answer within {d} (is the host up? does a firewall drop the connection?)"},
    Row{Fault::kTargetClosed, "target_closed",
        "target {s}: ended the connection {d} (is this the right service?)"},
    Row{Fault::kCloudRefused, "cloud_refused", "cloud {s}: connection refused (check c8y.http)"},
    Row{Fault::kCloudUnreachable, "cloud_unreachable",
        "cloud {s}: not reachable: {d} (check the device's network and c8y.http)"},
    Row{Fault::kCloudNotFound, "cloud_not_found",
        "cloud {s}: no such host: {d} (check c8y.http and the device's DNS)"},
    Row{Fault::kCloudTimeout, "cloud_timeout",
        "cloud {s}: no answer within {d} (check the device's network and firewall)"},
    Row{Fault::kCloudClosed, "cloud_closed",
        "cloud {s}: ended the connection {d} (check that c8y.http is the tenant's HTTPS address)"},
    Row{Fault::kCloudUntrusted, "cloud_untrusted",
        "cloud {s}: TLS certificate not trusted: {d} (check c8y.root_cert_path and the clock)"},
    Row{Fault::kCloudTls, "cloud_tls",
        "cloud {s}: TLS failed: {d} (check that c8y.http is the tenant's HTTPS address)"},
    Row{Fault::kCloudStatus, "cloud_status",
        "cloud {s}: remote access refused with HTTP {d} (the request may have expired: try again)"},
    Row{Fault::kCloudUnauthorized, "cloud_unauthorized",
        "cloud {s}: login refused with HTTP {d} (check the device's certificate or credentials)"},
    Row{Fault::kCloudAnswer, "cloud_answer",
        "cloud {s}: not a WebSocket answer: {d} (check that c8y.http is the tenant's HTTPS "
        "address)"},
    Row{Fault::kProxyRefused, "proxy_refused",
        "proxy {s}: connection refused (check proxy.address)"},
    Row{Fault::kProxyUnreachable, "proxy_unreachable",
        "proxy {s}: not reachable: {d} (check the device's network and proxy.address)"},
    Row{Fault::kProxyNotFound, "proxy_not_found",
        "proxy {s}: no such host: {d} (check proxy.address and the device's DNS)"},
    Row{Fault::kProxyTimeout, "proxy_timeout",
        "proxy {s}: no answer within {d} (check the network and proxy.address: port, http:// or "
        "https://)"},
    Row{Fault::kProxyClosed, "proxy_closed",
        "proxy {s}: ended the connection {d} (check proxy.address: port, http:// or https://)"},
    Row{Fault::kProxyUntrusted, "proxy_untrusted",
        "proxy {s}: TLS certificate not trusted: {d} (check proxy.address, c8y.root_cert_path and "
        "the clock)"},
    Row{Fault::kProxyTls, "proxy_tls",
        "proxy {s}: TLS failed: {d} (check proxy.address: port, http:// or https://)"},
    Row{Fault::kProxyUnauthorized, "proxy_unauthorized",
        "proxy {s}: login refused with HTTP {d} (check proxy.username and proxy.password)"},
    Row{Fault::kProxyStatus, "proxy_status",
        "proxy {s}: refused to connect with HTTP {d} (does the proxy allow and reach c8y.http?)"},
    Row{Fault::kProxyAnswer, "proxy_answer",
        "proxy {s}: not the answer of an HTTP proxy: {d} (check proxy.address: port, http:// or "
        "https://)"},
    Row{Fault::kTimeout, "timeout",
        "not connected within {d} (limits.connect in {s}; check the network)"},
    Row{Fault::kProcess, "process",
        "the remote access {s} process ended unexpectedly: {d} (see the device's journal)"},
    Row{Fault::kStopped, "stopped",
        "the session was stopped on this device before it stood (was a service stopped or "
        "restarted? try again)"},
    Row{Fault::kSession, "session",
        "session service {s}: {d} (see: systemctl status c8y-remote-access-connect.socket)"},
    Row{Fault::kOperationFile, "operation_file",
        "operation file {s}: {d} (setup needs root and a writable file system)"},
    Row{Fault::kUndeclared, "undeclared",
        "the supported protocols are not declared in the cloud: {d}; when that is solved, run: "
        "c8y-remote-access-connect setup"},
    Row{Fault::kRestarted, "restarted",
        "the device has restarted before this session was reported (power cut or crash? try "
        "again)"},
    Row{Fault::kLeftBehind, "left_behind",
        "operations that a restart left EXECUTING are not failed yet: {d}; when that is solved, "
        "run: c8y-remote-access-connect setup --boot"},
    Row{Fault::kSandbox, "sandbox",
        "this device cannot lock in its remote access {s}, missing: {d} (sandbox = \"required\" in "
        "its settings)"},
    Row{Fault::kSystem, "system", "device error: {d}"},
};

const Row& row(Fault fault) {
    for (const Row& candidate : kRows) {
        if (candidate.fault == fault) return candidate;
    }
    return kRows.back();
}

/// What lifts a limit of the system.
std::string_view cure(std::string_view what, int code) {
    switch (code) {
        case EMFILE:
            return " (the service's LimitNOFILE is too low)";
        case ENFILE:
            return " (the device's fs.file-max is too low)";
        case EAGAIN:  // of other calls it means "later"
            if (what != "fork") return {};
            return " (too many processes: the service's TasksMax, the user's limit)";
        case ENOMEM:
        case ENOBUFS:
            return " (the device is short of memory)";
        default:
            return {};
    }
}

}  // namespace

std::string_view fault_name(Fault fault) { return row(fault).name; }

std::optional<Fault> fault_from_name(std::string_view name) {
    for (const Row& candidate : kRows) {
        if (candidate.name == name) return candidate.fault;
    }
    return std::nullopt;
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string line;
    bool blank = true;  // leading blanks are dropped
    for (const char raw : text) {
        const auto byte = static_cast<unsigned char>(raw);
        if (byte <= 0x20) {
            if (!blank) line += ' ';
            blank = true;
            continue;
        }
        if ((byte & 0xC0U) == 0x80U) continue;  // one '?' per multi-byte character
        line += byte < 0x7F ? raw : '?';
        blank = false;
    }
    while (!line.empty() && line.back() == ' ') line.pop_back();
    if (line.size() > limit) {
        const std::size_t dots = std::min<std::size_t>(limit, 3);
        line.resize(limit - dots);
        line.append(dots, '.');
    }
    return line;
}

std::string reason(const Error& error) {
    // The parts are cut, not the sentence: its end is the cure.
    constexpr std::size_t kPart = kReasonLimit * 2 / 5;
    const std::string subject = printable(error.subject, kPart);
    const std::string detail = printable(error.detail, kPart);
    std::string line;
    std::string_view rest = row(error.fault).sentence;
    while (!rest.empty()) {
        const std::size_t brace = rest.find('{');
        line += rest.substr(0, brace);
        if (brace == std::string_view::npos) break;
        line += rest[brace + 1] == 's' ? subject : detail;
        rest.remove_prefix(brace + 3);
    }
    return printable(line, kReasonLimit);
}

Error system_error(std::string_view what, int code) {
    std::array<char, 128> buffer{};
    const char* text = strerror_r(code, buffer.data(), buffer.size());
    return {Fault::kSystem, {}, std::string(what) + ": " + text + std::string(cure(what, code))};
}

}  // namespace remote_access
