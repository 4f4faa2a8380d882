// SPDX-License-Identifier: Apache-2.0
// The files that mqtt.client.auth.* names, by thin-edge's rules: what ca_file and ca_dir trust
// (add_certs_from_file and add_certs_from_directory in parse_root_certificate, with_client_auth in
// mqtt_channel) as one PEM text, since Paho cannot read a folder without hash links, and the
// password (read_password in mqtt_channel). Private keys beside certificates are not taken along.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "config/config.hpp"

namespace remote_access {

/// Empty when nothing is configured, or when there is no certificate: no TLS then. Error: kBroker.
Result<std::string> broker_certificates(const BrokerConfig& broker);

/// The first line of password_file; empty, with a warning, when it cannot be read.
Secret broker_password(const BrokerConfig& broker);

/// The PEM certificates within `text`, nothing else of it.
std::string certificates_in(std::string_view text);

/// A file without a name that holds `text`; its path for libraries is /proc/self/fd/<number>.
Result<Fd> file_in_memory(std::string_view text);

}  // namespace remote_access
