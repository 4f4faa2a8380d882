// SPDX-License-Identifier: Apache-2.0
#include "forwarder/trust.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

namespace remote_access {
namespace {

namespace fs = std::filesystem;

struct Folder {
    Folder() {
        std::string pattern = (fs::temp_directory_path() / "trust-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~Folder() { fs::remove_all(path); }
    std::string file(const std::string& name) const {
        std::ofstream(path + "/" + name) << "x";
        return path + "/" + name;
    }

    std::string path;
};

}  // namespace

TEST_CASE("a folder with hash links is looked up in, one without is loaded file by file") {
    const Folder hashed, plain;
    hashed.file("ca.pem");
    hashed.file("5ed36f99.0");
    const std::string a = plain.file("a.pem"), b = plain.file("b.crt");
    fs::create_directory(plain.path + "/folder");
    const TrustPlan plan = plan_trust({hashed.path, plain.path}, "");
    CHECK(plan.hashed_folders == std::vector{hashed.path});
    CHECK(plan.files == std::vector{a, b});
    CHECK(plan.warnings.empty());
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
