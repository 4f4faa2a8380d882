// SPDX-License-Identifier: Apache-2.0
// argv, environment and standard input become one value, once; after that nobody reads them.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/log.hpp"
#include "base/secret.hpp"
#include "config/config.hpp"

namespace remote_access {

struct SetupOptions {
    std::optional<OperationFormat> format;
    std::string user, group;    ///< empty: system.toml's
    bool boot = false;          ///< only fail what the device's last run left EXECUTING
    std::string unit_drop_ins;  ///< a folder: only write systemd drop-ins there
};

struct PolicyOptions {
    bool test = false;  ///< else show
    std::string host, port;
    bool json = false;
};

struct SessionsOptions {
    std::string end;  ///< the session to end; empty: list
    bool json = false, watch = false;
};

struct CheckOptions {
    std::string target;  ///< HOST:PORT; empty: none
    bool json = false;
    bool colour = true;  ///< without NO_COLOR; a terminal it must be anyway
};

struct Invocation {
    enum class Command { kConnect, kSession, kSetup, kTeardown, kPolicy, kSessions, kCheck };
    Command command = Command::kConnect;
    Secret payload;  ///< kConnect: the operation's text; it holds the connection key
    ConfigSource source;
    std::optional<log::Level> log_level;  ///< of flags or RUST_LOG; else system.toml says it
    bool timestamps = true;
    SetupOptions setup;    ///< kSetup
    PolicyOptions policy;  ///< kPolicy
    SessionsOptions sessions;
    CheckOptions check;
    std::string log_socket;  ///< a syslog socket instead of the system's
};

/// What the process ends with when there is nothing to do: help, version, or a usage error.
struct Farewell {
    int status = 0;
    std::string text;
};

/// Overwrites the payload in argv: it is visible to every user of the device.
std::variant<Invocation, Farewell> read_invocation(int argc, char** argv);

}  // namespace remote_access
