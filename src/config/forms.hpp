// SPDX-License-Identifier: Apache-2.0
// The forms that a value of thin-edge's settings can have: text in, value or complaint out. Pure.
// A complaint says what the form is and never quotes the value, which may carry a password.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace remote_access {

enum class Form {
    kText,         ///< anything
    kHost,         ///< host without scheme and port (models/connect_url.rs)
    kHostPort,     ///< host[:port] (models/host_port.rs), and IPv6 in brackets, which is ours
    kBrokerHost,   ///< as kHost, and IPv6 without brackets
    kPort,         ///< 1–65535
    kFlag,         ///< true or false
    kPath,         ///< not empty (models/path.rs)
    kAuthMethod,   ///< certificate, basic, auto (models/auth_method.rs)
    kTopicPrefix,  ///< models/topic_prefix.rs
    kTopicRoot,
    kTopicId,  ///< at most four segments (tedge_api/src/mqtt_topics.rs)
    kProxy,    ///< [http[s]://]host[:port] (models/proxy_url.rs)
};

/// What `text` must be, when it is not of this form; else empty.
std::string_view complaint(Form form, std::string_view text);

/// A name in lower case and without the dot at its end, or an address without brackets.
std::optional<std::string> parse_host(std::string_view text);
std::optional<HostPort> parse_host_port(std::string_view text, std::uint16_t default_port);
std::optional<std::uint16_t> parse_port(std::string_view digits);
/// Only `tls` and `address` are set; a path after the port is passed over.
std::optional<ProxyConfig> parse_proxy(std::string_view text);
/// "device/main" → "device/main//".
std::string parse_topic_id(std::string_view text);
/// Made absolute with the current folder where it is relative, "." and ".." resolved as text.
std::string absolute_path(std::string_view text);
/// Lower case; nothing unless [A-Za-z0-9_-] with a letter or a digit (tedge_config_macros
/// multi.rs).
std::optional<std::string> parse_profile(std::string_view text);

/// Letters, digits, '-', '_' and single dots; at most 253 characters.
bool is_host_name(std::string_view text);
std::string lower_case(std::string_view text);

}  // namespace remote_access
