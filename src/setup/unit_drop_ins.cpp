// SPDX-License-Identifier: Apache-2.0
#include "setup/unit_drop_ins.hpp"

#include <algorithm>
#include <string_view>

namespace remote_access {
namespace {

constexpr std::string_view kLetters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
constexpr std::size_t kLongestSocketPath = 107;  // unix(7)

// What the shipped units say (packaging/).
const std::string kUser = "tedge", kRun = "/run";

bool only_letters(std::string_view text, bool slashes) {
    return std::all_of(text.begin(), text.end(), [slashes](char c) {
        return kLetters.find(c) != std::string_view::npos || (slashes && c == '/');
    });
}

/// Whether a setting goes into the units: it differs from them, and can be written there.
class Chooser {
public:
    Chooser(const Config& config, std::vector<Error>& refused)
        : config_(config), refused_(refused) {}

    bool name(const char* key, const std::string& value) {
        if (value == kUser) return false;
        if (!value.empty() && value.front() != '-' && only_letters(value, false)) return true;
        refuse(config_.source.config_dir + "/system.toml", key, value,
               "only letters, digits, `_`, `.` and `-` can be written into a systemd unit");
        return false;
    }
    bool run_path() {
        const std::string& value = config_.paths.run;
        if (value == kRun) return false;
        const bool fits = config_.socket_path().size() <= kLongestSocketPath;
        if (fits && only_letters(value, true)) return true;
        refuse("of thin-edge", "run.path", value,
               fits ? "only letters, digits, `/`, `_`, `.` and `-` can be written into a systemd "
                      "unit"
                    : "too long for a socket");
        return false;
    }

private:
    void refuse(const std::string& subject, const char* key, const std::string& value,
                const char* why) {
        refused_.push_back({Fault::kSettings, subject,
                            std::string(key) + " `" + printable(value, 60) + "`: " + why});
    }
    const Config& config_;
    std::vector<Error>& refused_;
};

std::string with_head(const char* section, const std::string& lines) {
    if (lines.empty()) return {};
    return "# From thin-edge's settings, by c8y-remote-access-connect setup --unit-drop-ins\n[" +
           std::string(section) + "]\n" + lines;
}

}  // namespace

UnitDropIns unit_drop_ins(const Config& config) {
    UnitDropIns result;
    Chooser chooser(config, result.refused);
    std::string socket, service;
    if (chooser.name("user", config.user)) {
        socket += "SocketUser=" + config.user + "\n";
        service += "User=" + config.user + "\n";
    }
    if (chooser.name("group", config.group)) {
        socket += "SocketGroup=" + config.group + "\n";
        service += "Group=" + config.group + "\n";
    }
    if (chooser.run_path()) {
        // The empty one takes back the shipped unit's.
        socket += "ListenSequentialPacket=\nListenSequentialPacket=" + config.socket_path() + "\n";
        service += "ReadWritePaths=-" + config.paths.run + "/c8y-remote-access-connect\n";
    }
    result.files = {{"c8y-remote-access-connect.socket.d", with_head("Socket", socket)},
                    {"c8y-remote-access-connect@.service.d", with_head("Service", service)},
                    {"c8y-remote-access-connect-boot.service.d", with_head("Service", service)}};
    return result;
}

}  // namespace remote_access
