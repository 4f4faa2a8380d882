// SPDX-License-Identifier: Apache-2.0
#include "forwarder/trust.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace remote_access {
namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "trust-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
        fs::permissions(path, fs::perms(0755));  // whom root becomes gets there too
    }
    ~Folder() { fs::remove_all(path); }
    std::string file(const std::string& name) const {
        std::ofstream(path + "/" + name) << "x";
        return path + "/" + name;
    }
    void link(const std::string& name, const std::string& target) const {
        const fs::path where = path + "/" + name;
        const bool within = fs::path(target).parent_path() == where.parent_path();
        fs::create_symlink(within ? fs::path(target).filename() : fs::path(target), where);
    }

    std::string path;
};

}  // namespace

TEST_CASE("a look-up may open its folders, Debian's stores and what links lead to elsewhere") {
    const Folder hashed, store;
    const std::string elsewhere = store.file("ca.pem");
    fs::create_symlink(elsewhere, hashed.path + "/ca.pem");
    fs::create_symlink("ca.pem", hashed.path + "/5ed36f99.0");
    fs::create_symlink(hashed.path + "/../" + fs::path(store.path).filename().string() + "/ca.pem",
                       hashed.path + "/5ed36f99.1");
    fs::create_symlink("/usr/share/ca-certificates/mozilla/no-such.crt", hashed.path + "/a.pem");
    fs::create_symlink("/usr/share/ca-certificates/../../../etc/passwd", hashed.path + "/b.pem");
    fs::create_symlink("/nowhere/ca.pem", hashed.path + "/c.pem");
    hashed.file("plain.pem");
    std::vector<std::string> places = lookup_places({hashed.path});
    std::sort(places.begin(), places.end());
    // Where a link leads, not where it seems to.
    std::vector<std::string> expected{hashed.path, "/usr/share/ca-certificates/",
                                      "/usr/local/share/ca-certificates/", elsewhere, elsewhere};
    if (fs::exists("/usr/share/ca-certificates")) expected.emplace_back("/etc/passwd");
    std::sort(expected.begin(), expected.end());
    CHECK(places == expected);
}

TEST_CASE("without a folder to look up in, nothing may be opened") {
    CHECK(lookup_places({}).empty());
}

TEST_CASE("a folder with hash links is looked up in, one without is loaded file by file") {
    const Folder hashed, plain;
    hashed.link("5ed36f99.0", hashed.file("ca.pem"));
    hashed.link("5ed36f99.1", "/nowhere.pem");
    hashed.file("0123abcd.0");  // a copy in place of a link
    hashed.file("ca-certificates.crt");
    fs::create_directory(hashed.path + "/java");
    hashed.file("java/cacerts");
    const std::string a = plain.file("a.pem"), b = plain.file("b.crt");
    fs::create_directory(plain.path + "/folder");
    const TrustPlan plan = plan_trust({hashed.path, plain.path}, "");
    CHECK(plan.hashed_folders == std::vector{hashed.path});
    CHECK(plan.files == std::vector{a, b});
    CHECK(plan.warnings.empty());
}

TEST_CASE("what no hash link leads to is loaded, and what is in folders within, once") {
    const Folder folder;
    folder.link("5ed36f99.0", folder.file("ca.pem"));
    const std::string later = folder.file("later.crt");
    fs::create_directories(folder.path + "/one/two");
    const std::string deep = folder.file("one/two/ca");
    folder.link("one/two/back", folder.path);
    folder.link("one/dangling.pem", "/nowhere.pem");
    const TrustPlan plan = plan_trust({folder.path, folder.path + "/one"}, "");
    CHECK(plan.hashed_folders == std::vector{folder.path});
    CHECK(plan.files == std::vector{later, deep});
    CHECK(plan.warnings.empty());
}

TEST_CASE("a folder of very many files ends with a warning") {
    const Folder folder;
    for (std::size_t i = 0; i <= kMostTrustFiles; ++i) folder.file(std::to_string(i));
    const TrustPlan plan = plan_trust({folder.path}, "");
    CHECK(plan.files.size() == kMostTrustFiles);
    REQUIRE(plan.warnings.size() == 1);
    CHECK(plan.warnings[0] ==
          "trust folder " + folder.path + ": more than 1000 files: the rest is left");
}

TEST_CASE("a file is loaded, and the system's folder is used once") {
    const Folder system;
    system.file("5ed36f99.0");
    const Folder other;
    const std::string file = other.file("root.pem");
    const TrustPlan plan = plan_trust({file, system.path, file}, system.path);
    CHECK(plan.hashed_folders == std::vector{system.path});
    CHECK(plan.files == std::vector{file});
}

TEST_CASE("what is not there is a warning that names it; the system's folder may be missing") {
    const TrustPlan plan = plan_trust({"/nowhere/root.pem"}, "/nowhere/certs");
    REQUIRE(plan.warnings.size() == 1);
    CHECK(plan.warnings[0] == "trusted certificates /nowhere/root.pem: No such file or directory");
    CHECK(plan.files.empty());
}

TEST_CASE("names that only look like hash links are none") {
    for (const char* name : {"5ed36f99", "5ed36f9.0", "5ed36f99.pem", "5ED36F99.0", "x.0"}) {
        const Folder folder;
        const std::string file = folder.file(name);
        CHECK(plan_trust({folder.path}, "").files == std::vector{file});
    }
}

}  // namespace remote_access
