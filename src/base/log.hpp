// SPDX-License-Identifier: Apache-2.0
// One log per process: the plugin's goes to standard error, a session's to the journal (or the
// syslog socket), a forwarder's through its session. Levels by consequence: error: an operation
// failed on our side; warn: somebody should look; info: the three sentences of a session's life;
// debug and trace: for the one who debugs. Never pass a Secret's text here.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace remote_access::log {

enum class Level { kError, kWarn, kInfo, kDebug, kTrace };

std::optional<Level> level_from_name(std::string_view name);
std::string_view level_name(Level level);

/// How thin-edge's settings and RUST_LOG name this program; the second is the one it replaces.
constexpr std::array<std::string_view, 2> kFilterNames{"c8y_remote_access_connect",
                                                       "c8y_remote_access_plugin"};
/// The simple forms of RUST_LOG: "debug", "info,c8y_remote_access_connect=trace". What names this
/// program counts before what names none; nothing where neither is there or understood.
std::optional<Level> level_from_filter(std::string_view filter);

using Sink = std::function<void(Level, const std::string& line)>;

/// Replaces where lines go; called before threads start.
void set_sink(Sink sink);
void set_level(Level level);
Level level();
/// Put before each line: "session 1f2e3d4c: ".
void set_prefix(std::string prefix);

/// To standard error; `timestamps` as thin-edge does (none when systemd adds its own).
Sink standard_error(bool timestamps);
/// Opens the journal's socket, else /dev/log; `path` (non-empty) is a syslog socket used instead.
/// A sink that drops its lines where there is neither. `descriptor` receives the number to keep.
/// It never waits: lines that a full queue does not take are lost, and their number is told later.
Sink system_log(const std::string& path, int& descriptor);

void write(Level level, std::string_view text);
inline void error(std::string_view text) { write(Level::kError, text); }
inline void warn(std::string_view text) { write(Level::kWarn, text); }
inline void info(std::string_view text) { write(Level::kInfo, text); }
inline void debug(std::string_view text) { write(Level::kDebug, text); }
inline void trace(std::string_view text) { write(Level::kTrace, text); }

}  // namespace remote_access::log
