// SPDX-License-Identifier: Apache-2.0
#include "forwarder/trust.hpp"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.hpp"

namespace remote_access {
namespace {

/// Where Debian's /etc/ssl/certs leads to.
constexpr std::array<std::string_view, 2> kStores{"/usr/share/ca-certificates/",
                                                  "/usr/local/share/ca-certificates/"};

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};

/// "5ed36f99.0", as openssl rehash makes them.
bool is_hash_link(std::string_view name) {
    constexpr std::string_view kHex = "0123456789abcdef", kDigits = "0123456789";
    return name.size() >= 10 && name[8] == '.' &&
           name.substr(0, 8).find_first_not_of(kHex) == std::string_view::npos &&
           name.substr(9).find_first_not_of(kDigits) == std::string_view::npos;
}

/// Beside Debian's hash links: a bundle of what they lead to, and Java's key store.
bool is_a_copy(std::string_view name) { return name == "ca-certificates.crt" || name == "java"; }

/// What a folder holds, in the order of its names.
struct Listing {
    std::vector<std::string> names;
    std::vector<std::string> links;  ///< the hash links themselves
    std::set<std::string> linked;    ///< what they lead to, within the folder
};

void list(DIR* folder, Listing& listing) {
    while (const dirent* entry = ::readdir(folder)) {
        const std::string name = entry->d_name;
        if (name == "." || name == "..") continue;
        if (!is_hash_link(name)) {
            listing.names.push_back(name);
            continue;
        }
        char target[256];
        const ssize_t size = ::readlinkat(::dirfd(folder), entry->d_name, target, sizeof target);
        listing.links.push_back(name);
        listing.linked.insert(name);
        if (size > 0) listing.linked.emplace(target, static_cast<std::size_t>(size));
    }
    std::sort(listing.names.begin(), listing.names.end());
}

/// A look-up follows this link, so it needs what is at its end; in the folder itself it may anyway.
void add_target(std::vector<std::string>& places, int folder, const std::string& path,
                const char* name) {
    std::array<char, PATH_MAX> target{};
    const ssize_t size = ::readlinkat(folder, name, target.data(), target.size() - 1);
    const std::string_view leads_to(target.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    if (leads_to.find('/') == std::string_view::npos) return;  // no link, or to a neighbour
    for (const std::string_view store : kStores) {
        if (leads_to.substr(0, store.size()) == store &&
            leads_to.find("/..") == std::string_view::npos)
            return;
    }
    std::array<char, PATH_MAX> real{};
    if (::realpath((path + "/" + name).c_str(), real.data()) != nullptr)
        places.emplace_back(real.data());
}

/// Root becomes another user before it looks anything up: whether that one gets there too.
bool reachable_later(const std::string& folder) {
    if (::geteuid() != 0) return true;
    std::array<char, PATH_MAX> real{};
    if (::realpath(folder.c_str(), real.data()) == nullptr) return false;
    std::string path = real.data();
    for (mode_t needed = S_IROTH | S_IXOTH; !path.empty(); needed = S_IXOTH) {
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0 || (info.st_mode & needed) != needed) return false;
        path.resize(path.rfind('/'));
    }
    return true;
}

class Planner {
public:
    TrustPlan plan;

    void add(const std::string& path, bool required) {
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0) {
            if (required)
                plan.warnings.push_back("trusted certificates " + system_error(path, errno).detail);
            return;
        }
        add(path, info);
    }

private:
    void add(const std::string& path, const struct stat& info) {
        // The configured folder often is the system's, and a link may lead back.
        if (!seen_.emplace(info.st_dev, info.st_ino).second) return;
        if (S_ISDIR(info.st_mode)) {
            add_folder(path);
        } else if (S_ISREG(info.st_mode)) {
            plan.files.push_back(path);
        }
    }

    // As thin-edge: every file, and folders within (rec_add_root_cert in parse_root_certificate).
    // What hash links lead to is not loaded, and found nevertheless.
    void add_folder(const std::string& path) {
        const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
        if (!folder) {
            plan.warnings.push_back("trust folder " + system_error(path, errno).detail);
            return;
        }
        Listing listing;
        list(folder.get(), listing);
        const bool hashed = !listing.linked.empty() && reachable_later(path);
        if (hashed) plan.hashed_folders.push_back(path);
        if (!hashed)
            listing.names.insert(listing.names.end(), listing.links.begin(), listing.links.end());
        const std::string below = path + "/";
        for (const std::string& name : listing.names) {
            if (hashed && (listing.linked.count(name) != 0 || is_a_copy(name))) continue;
            if (plan.files.size() >= kMostTrustFiles) return warn_of_too_many(path);
            struct stat info {};
            if (::fstatat(::dirfd(folder.get()), name.c_str(), &info, 0) == 0)
                add(below + name, info);
        }
    }

    void warn_of_too_many(const std::string& path) {
        if (!std::exchange(too_many_, true))
            plan.warnings.push_back("trust folder " + path + ": more than " +
                                    std::to_string(kMostTrustFiles) + " files: the rest is left");
    }

    std::set<std::pair<dev_t, ino_t>> seen_;
    bool too_many_ = false;
};

}  // namespace

std::vector<std::string> lookup_places(const std::vector<std::string>& hashed_folders) {
    std::vector<std::string> places = hashed_folders;
    if (!places.empty()) places.insert(places.end(), kStores.begin(), kStores.end());
    for (const std::string& path : hashed_folders) {
        const std::unique_ptr<DIR, CloseFolder> folder(::opendir(path.c_str()));
        if (!folder) continue;
        while (const dirent* entry = ::readdir(folder.get())) {
            if (entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN)
                add_target(places, ::dirfd(folder.get()), path, entry->d_name);
        }
    }
    return places;
}

TrustPlan plan_trust(const std::vector<std::string>& paths, const std::string& system_folder) {
    Planner planner;
    for (const std::string& path : paths) planner.add(path, true);
    planner.add(system_folder, false);
    return std::move(planner.plan);
}

}  // namespace remote_access
