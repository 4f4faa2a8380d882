// SPDX-License-Identifier: Apache-2.0
#include "session/run_folder.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

using namespace remote_access;

namespace {

constexpr uid_t kSomebody = 65534;

uid_t owner_of(const std::string& path) {
    struct stat info {};
    REQUIRE(::lstat(path.c_str(), &info) == 0);
    return info.st_uid;
}

/// A run folder of another user than root, who makes the locks.
struct Folder {
    std::string path;
    Folder() {
        char name[] = "/tmp/run-folder-test-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string make() const {
        const std::string folder = path + "/run";
        REQUIRE(::mkdir(folder.c_str(), 0700) == 0);
        REQUIRE(::chown(folder.c_str(), kSomebody, kSomebody) == 0);
        return folder;
    }
};

bool is_root() { return ::geteuid() == 0; }

}  // namespace

TEST_CASE("a lock that root makes is the folder's owner's" * doctest::skip(!is_root())) {
    const Folder place;
    const std::string folder = place.make();
    REQUIRE(open_lock(folder, "a.lock").ok());
    CHECK(owner_of(folder + "/a.lock") == kSomebody);
    CHECK(open_lock(folder, "a.lock").ok());
}

TEST_CASE("root gives no file away that the folder's owner has linked to" *
          doctest::skip(!is_root())) {
    const Folder place;
    const std::string folder = place.make(), victim = place.path + "/shadow";
    std::ofstream(victim) << "root's";
    REQUIRE(::link(victim.c_str(), (folder + "/a.lock").c_str()) == 0);
    const Result<Fd> lock = open_lock(folder, "a.lock");
    CHECK(owner_of(victim) == 0);
    REQUIRE_FALSE(lock.ok());
    CHECK(lock.error().detail == folder + "/a.lock: has another name elsewhere");
    REQUIRE(::symlink(victim.c_str(), (folder + "/b.lock").c_str()) == 0);
    CHECK_FALSE(open_lock(folder, "b.lock").ok());
    CHECK(owner_of(victim) == 0);
}
