// SPDX-License-Identifier: Apache-2.0
#include "session/boot_record.hpp"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "base/time.hpp"
#include "session/run_folder.hpp"

namespace remote_access {
namespace {

constexpr std::size_t kLongest = std::size_t{64} * 1024;

/// In clock ticks since the kernel's start: proc(5), field 22 of stat. The second one is in
/// parentheses and may hold anything.
std::string start_of_process_1() {
    constexpr int kFieldsBetween = 19;
    std::ifstream file("/proc/1/stat");
    std::string line;
    std::getline(file, line);
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) return {};
    std::istringstream fields(line.substr(name_end + 1));
    std::string field;
    for (int i = 0; i <= kFieldsBetween; ++i) fields >> field;
    return field;
}

}  // namespace

std::string boot_identity() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id.empty() ? id : id + " " + start_of_process_1();
}

Result<BootRecord> BootRecord::open(const std::string& folder) {
    Result<Fd> file = open_lock(folder, "boot.lock");
    if (!file) return file.error();
    const Result<void> locked = lock_within(file->get(), folder + "/boot.lock", kLockPatience);
    if (!locked) return locked.error();
    return BootRecord(std::move(*file));
}

std::vector<std::string> BootRecord::told() const {
    std::string text(kLongest, '\0');
    const ssize_t size = ::pread(file_.get(), text.data(), text.size(), 0);
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    std::istringstream lines(text);
    std::string line;
    std::vector<std::string> clouds;
    if (!std::getline(lines, line) || line.empty() || line != boot_identity()) return clouds;
    while (std::getline(lines, line)) clouds.push_back(line);
    return clouds;
}

Result<void> BootRecord::write(const std::vector<std::string>& clouds) {
    std::string text = boot_identity() + "\n";
    for (const std::string& cloud : clouds) text += cloud + "\n";
    if (::ftruncate(file_.get(), 0) != 0) return system_error("boot.lock", errno);
    return write_at(file_.get(), text, 0, "boot.lock");
}

}  // namespace remote_access
