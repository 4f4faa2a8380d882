// SPDX-License-Identifier: Apache-2.0
#include "base/fd.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace remote_access {
namespace {

class Folder {
public:
    Folder() {
        char pattern[] = "/tmp/fd-test-XXXXXX";
        path_ = ::mkdtemp(pattern);
    }
    ~Folder() {
        ::unlink((*this / "file").c_str());
        ::rmdir(path_.c_str());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string operator/(const char* name) const { return path_ + "/" + name; }
    void put(const std::string& content) const {
        const Fd file(::open((*this / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        REQUIRE(::write(file.get(), content.data(), content.size()) ==
                static_cast<ssize_t>(content.size()));
    }

private:
    std::string path_;
};

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST_CASE("a descriptor is closed once, by its last owner") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    {
        Fd first(ends[0]);
        Fd second(std::move(first));
        CHECK(second.get() == ends[0]);
        second.reset(ends[1]);
        CHECK_FALSE(is_open(ends[0]));
        CHECK(second.release() == ends[1]);
        CHECK_FALSE(static_cast<bool>(second));
        CHECK(is_open(ends[1]));
        const Fd last(ends[1]);
    }
    CHECK_FALSE(is_open(ends[1]));
}

TEST_CASE("a file is read whole, up to the limit") {
    const Folder folder;
    const std::string content = std::string(10'000, 'x') + std::string("\0end", 4);
    folder.put(content);
    CHECK(*read_file(folder / "file") == content);
    CHECK(*read_file(folder / "file", content.size()) == content);
    CHECK(read_file(folder / "file", content.size() - 1).error().detail ==
          "is larger than expected");
}

TEST_CASE("an empty file and one without a size are read too") {
    const Folder folder;
    folder.put("");
    CHECK(read_file(folder / "file")->empty());
    CHECK_FALSE(read_file("/proc/self/status")->empty());
}

TEST_CASE("a file of absurd size is refused before any memory is taken") {
    const Folder folder;
    folder.put("x");
    REQUIRE(::truncate((folder / "file").c_str(), off_t{1} << 40) == 0);
    CHECK(read_file(folder / "file").error().detail == "is larger than expected");
}

TEST_CASE("what is missing or no regular file is an error that says so, without waiting") {
    const Folder folder;
    CHECK(read_file(folder / "file").error().detail == "cannot be read: No such file or directory");
    CHECK(read_file("/tmp").error().detail == "is not a regular file");
    CHECK(read_file("/dev/zero").error().detail == "is not a regular file");
    REQUIRE(::mkfifo((folder / "file").c_str(), 0600) == 0);
    CHECK(read_file(folder / "file").error().detail == "is not a regular file");
}

}  // namespace
}  // namespace remote_access
