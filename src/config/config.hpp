// SPDX-License-Identifier: Apache-2.0
// thin-edge's settings and ours become one typed value. Files are read, never written; what cannot
// be read or understood is an Error that names file, line and key. Sources: facts of thin-edge's
// tedge_config (tedge.toml, mappers/c8y[.profile]/mapper.toml, TEDGE_*), and our own
// <config-dir>/plugins/c8y-remote-access-connect.toml.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip.hpp"
#include "base/log.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

namespace remote_access {

struct HostPort {
    std::string host;  ///< name, IPv4 or IPv6 without brackets
    std::uint16_t port = 0;

    /// "host:port", an IPv6 host in brackets.
    std::string text() const;
};

/// What decides which settings are read: the command line's and environment's part of it.
struct ConfigSource {
    std::string config_dir = "/etc/tedge";
    std::string profile;                           ///< lower case; empty: the default profile
    std::map<std::string, std::string> tedge_env;  ///< TEDGE_* without CONFIG_DIR and CLOUD_PROFILE
};

enum class AuthMethod { kCertificate, kBasic };

struct CloudConfig {
    HostPort http;                               ///< c8y.http, else c8y.url; port 443 unless given
    std::vector<std::string> root_cert_paths;    ///< files or folders: the profile's own first
    AuthMethod auth = AuthMethod::kCertificate;  ///< "auto" is already decided here
    std::string credentials_path;
    std::string topic_prefix = "c8y";
    bool use_operation_id = true;  ///< false: the cloud does not know the statuses by id
};

struct BrokerConfig {
    HostPort address{"127.0.0.1", 1883};
    std::string ca_file, ca_dir, cert_file, key_file;  ///< empty: not set
    std::string username, password_file;
};

struct ProxyConfig {
    bool tls = false;      ///< https:// proxy
    HostPort address;      ///< port 0: no proxy
    std::string username;  ///< without a colon
    Secret password;
    std::string no_proxy;
    bool used = false;  ///< for c8y.http: there is an address, and no_proxy does not name the cloud

    bool has_login() const { return !username.empty() || !password.empty(); }
};

struct Paths {
    std::string run = "/run", logs = "/var/log/tedge", tmp = "/tmp", data = "/var/tedge";
};

/// One [[allow]] table. Which member counts is said by `kind`.
struct AllowRule {
    enum class Kind { kName, kBlock, kThisDevice, kLocalNetwork, kAny };
    Kind kind = Kind::kAny;
    std::string text;              ///< as written, for explanations
    std::string name;              ///< kName: lower case, without a trailing dot
    std::optional<IpBlock> block;  ///< kBlock: address or CIDR
    std::vector<std::pair<std::uint16_t, std::uint16_t>> ports;  ///< inclusive; empty: all
    int line = 0;  ///< in our settings file; 0: built in
};

struct LimitsConfig {
    int sessions = 16;                  ///< 1–1000
    Milliseconds connect{20'000};       ///< 1s–5m
    Milliseconds idle{0};               ///< 0: never; else 1s–365d
    Milliseconds duration{86'400'000};  ///< 0: no end; else 1s–365d
    Milliseconds drain{5'000};          ///< 0s–60s
};

struct KeepaliveConfig {
    Milliseconds ping{25'000};     ///< 100ms–10m
    Milliseconds timeout{60'000};  ///< longer than `ping`, at most 1h
};

/// How thin-edge hands over an operation: decides which operation file `setup` writes.
enum class OperationFormat { kSmartRest, kJson };
/// What a device does whose kernel lacks a piece of the sandbox: goes on without, or refuses.
enum class SandboxMode { kAuto, kRequired };

/// Our own settings file: the device owner's policy and limits.
struct OwnerConfig {
    std::string path;  ///< of the file, whether it exists or not
    bool enabled = true;
    std::string approve;
    std::optional<OperationFormat> operation_format;
    SandboxMode sandbox = SandboxMode::kAuto;
    std::vector<AllowRule> allow;  ///< never empty: the built-in default where there are none
    LimitsConfig limits;
    KeepaliveConfig keepalive;
    bool audit_events = true;
};

struct Config {
    ConfigSource source;
    CloudConfig cloud;
    BrokerConfig broker;
    ProxyConfig proxy;
    Paths paths;
    std::string topic_root = "te", device_topic_id = "device/main//";
    std::string user = "tedge", group = "tedge";  ///< system.toml
    std::vector<std::string> profiles;            ///< every Cumulocity profile there is
    std::optional<log::Level> log_level;          ///< system.toml
    OwnerConfig owner;
    std::vector<std::string> warnings;  ///< for the log: ignored sections, unknown TEDGE_* names

    std::string socket_path() const;  ///< <run>/c8y-remote-access-connect.sock
};

/// Reads everything. Without c8y.url and c8y.http: an error that says so.
Result<Config> load_config(const ConfigSource& source);

/// The same for a device that need not be connected to a cloud yet: without an address of the
/// cloud `cloud.http.port` is 0.
Result<Config> load_device_config(const ConfigSource& source);

/// Only what publishing a status needs (broker, prefix, paths); used to report the error of
/// load_config(). Falls back to defaults for what cannot be read.
Config config_for_reporting(const ConfigSource& source);

/// Only our own settings file, of `config_dir`.
Result<OwnerConfig> load_owner_config(const std::string& config_dir);

/// credentials.toml: [c8y] username, password, for every profile the same table: a profile names
/// its own file with credentials_path (c8y_api/src/http_proxy.rs, read_c8y_credentials). The result
/// is the value of the Authorization header: "Basic …".
Result<Secret> load_basic_authorization(const Config& config);

/// The Authorization header's value "Basic …", also a proxy's (RFC 7617).
Secret basic_authorization(std::string_view username, const Secret& password);

/// The cloud as errors and the log name it: "cloud:443", or "cloud:443 through proxy proxy:3128".
std::string way_to(const HostPort& cloud, const ProxyConfig& proxy);

}  // namespace remote_access
