// SPDX-License-Identifier: Apache-2.0
#include "mqtt/broker_files.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "base/log.hpp"

namespace remote_access {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLargestFile = std::size_t{4} << 20U;
constexpr std::size_t kLargestPasswordFile = std::size_t{64} * 1024;

Error unusable(const BrokerConfig& broker, const char* key, const std::string& path,
               const std::string& detail) {
    return {Fault::kBroker, broker.address.text(), std::string(key) + " " + path + ": " + detail};
}

Result<std::string> certificates_of(const std::string& path) {
    Result<std::string> file = read_file(path, kLargestFile);
    if (!file) return file.error();
    std::string found = certificates_in(*file);
    wipe(*file);
    return found;
}

/// Each attempt to connect reads the files again: what is wrong is said when it is new.
void warn(const std::string& text) {
    static std::set<std::string> said;
    if (said.insert(text).second) log::warn(text);
}

/// The files of a folder that thin-edge takes for certificates.
Result<std::vector<std::string>> certificate_files(const std::string& folder) {
    constexpr std::array<std::string_view, 3> kEndings{".pem", ".cer", ".crt"};
    std::vector<std::string> files;
    std::error_code code;
    fs::directory_iterator entry(folder, code);
    for (; !code && entry != fs::directory_iterator(); entry.increment(code)) {
        const std::string ending = entry->path().extension().string();
        if (std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end())
            files.push_back(entry->path().string());
    }
    if (code) return system_error("cannot be read", code.value());
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

std::string certificates_in(std::string_view text) {
    constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
    constexpr std::string_view kEnd = "-----END CERTIFICATE-----";
    std::string found;
    for (;;) {
        const std::size_t begin = text.find(kBegin);
        if (begin == std::string_view::npos) return found;
        const std::size_t end = text.find(kEnd, begin);
        if (end == std::string_view::npos) return found;
        found.append(text.substr(begin, end + kEnd.size() - begin)).append("\n");
        text.remove_prefix(end + kEnd.size());
    }
}

Result<std::string> broker_certificates(const BrokerConfig& broker) {
    std::string all;
    if (!broker.ca_file.empty()) {
        Result<std::string> found = certificates_of(broker.ca_file);
        if (!found)
            return unusable(broker, "mqtt.client.auth.ca_file", broker.ca_file,
                            found.error().detail);
        all = std::move(*found);
    }
    if (!broker.ca_dir.empty()) {
        const Result<std::vector<std::string>> files = certificate_files(broker.ca_dir);
        if (!files)
            return unusable(broker, "mqtt.client.auth.ca_dir", broker.ca_dir, files.error().detail);
        for (const std::string& path : *files) {
            const Result<std::string> found = certificates_of(path);
            if (found)
                all += *found;
            else  // thin-edge gives up here; the others may do
                warn("mqtt.client.auth.ca_dir: " + path + ": " + found.error().detail);
        }
    }
    const bool configured = !broker.ca_file.empty() || !broker.ca_dir.empty();
    if (configured && all.empty())
        warn(
            "mqtt.client.auth.ca_file and ca_dir hold no certificate: the broker is reached "
            "without TLS, as thin-edge does");
    return all;
}

Secret broker_password(const BrokerConfig& broker) {
    if (broker.password_file.empty()) return {};
    Result<std::string> file = read_file(broker.password_file, kLargestPasswordFile);
    if (!file) {
        warn("mqtt.client.auth.password_file " + broker.password_file + ": " + file.error().detail +
             ": an empty password is sent");
        return {};
    }
    std::string_view line(*file);
    line = line.substr(0, line.find('\n'));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    Secret password{std::string(line)};
    wipe(*file);
    return password;
}

Result<Fd> file_in_memory(std::string_view text) {
    Fd file(::memfd_create("certificates", MFD_CLOEXEC));
    if (!file) return system_error("memfd_create", errno);
    const Result<void> written = write_at(file.get(), text, 0, "write");
    if (!written) return written.error();
    return file;
}

}  // namespace remote_access
