// SPDX-License-Identifier: Apache-2.0
#include "session/seat.hpp"
#include "session/seat_file.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace remote_access;

namespace {

struct Folder {
    std::string path;
    Folder() {
        char name[] = "/tmp/seat-test-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() { std::filesystem::remove_all(path); }
    int seats() const {
        int count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(path))
            count += entry.path().extension() == ".seat" ? 1 : 0;
        return count;
    }
};

constexpr Milliseconds kPatience{1'000};
const std::string kPrefix = "c8y";

ConnectRequest request(const char* key) {
    ConnectRequest made;
    made.host = "localhost";
    made.port = 22;
    made.key = Secret(key);
    return made;
}

Seat::Refusal take(Seat& seat, const Folder& folder, const char* key, int limit = 8) {
    const Result<Seat::Refusal> taken =
        seat.take(folder.path, kPrefix, request(key), limit, kPatience);
    REQUIRE(taken.ok());
    return *taken;
}

}  // namespace

TEST_CASE("who waits too long for the others gets no seat, and hears which lock it was") {
    const Folder folder;
    Seat seat;
    {
        const Result<Fd> held = lock_seats(folder.path, kPatience);
        REQUIRE(held.ok());
        const auto taken = seat.take(folder.path, kPrefix, request("key-1"), 8, Milliseconds(20));
        REQUIRE(!taken.ok());
        CHECK(taken.error().fault == Fault::kLockHeld);
        CHECK(taken.error().subject == folder.path + "/seats.lock");
        CHECK(folder.seats() == 0);
    }
    CHECK(take(seat, folder, "key-1") == Seat::Refusal::kNone);
}

TEST_CASE("the same key is served once, also after the first session has left") {
    const Folder folder;
    {
        Seat first, again, other;
        CHECK(take(first, folder, "key-1") == Seat::Refusal::kNone);
        CHECK(take(again, folder, "key-1") == Seat::Refusal::kDuplicate);
        CHECK(take(other, folder, "key-2") == Seat::Refusal::kNone);
        CHECK(folder.seats() == 2);
    }
    CHECK(folder.seats() == 0);
    Seat later;
    CHECK(take(later, folder, "key-1") == Seat::Refusal::kNone);
}

TEST_CASE("the limit counts the living only") {
    const Folder folder;
    std::ofstream(folder.path + "/dead.seat") << "{}";
    Seat first, second, third;
    CHECK(take(first, folder, "a", 2) == Seat::Refusal::kNone);
    CHECK(take(second, folder, "b", 2) == Seat::Refusal::kNone);
    CHECK(take(third, folder, "c", 2) == Seat::Refusal::kLimit);
}

namespace {

/// What a killed session leaves: the file of a seat whose lock is gone.
void leave_dead(const Folder& folder, const char* id, Reported reported,
                const std::string& prefix = kPrefix) {
    Seat seat;
    ConnectRequest dead = request(id);
    dead.operation.id = id;
    REQUIRE(seat.take(folder.path, prefix, dead, 100, kPatience).ok());
    seat.report(reported);
    std::filesystem::copy_file(folder.path + "/" + seat.id() + ".seat",
                               folder.path + "/dead-" + id + ".seat");
    seat.report(Reported::kFinal);  // nothing is owed of the one that was copied
}

}  // namespace

TEST_CASE("of the dead only those with a status owed are adopted, the files of the others go") {
    const Folder folder;
    leave_dead(folder, "1", Reported::kNothing);
    leave_dead(folder, "2", Reported::kExecuting);
    leave_dead(folder, "3", Reported::kFinal);
    CHECK(folder.seats() == 3);
    const auto orphans = adopt_orphans(folder.path, kPrefix);
    REQUIRE(orphans.size() == 1);
    CHECK(orphans[0].operation.id == "2");
    CHECK(folder.seats() == 1);
    CHECK(adopt_orphans(folder.path, kPrefix).empty());  // held by the one who adopted it
}

TEST_CASE("a session that stood and was killed is adopted for its event, unless that was told") {
    const Folder folder;
    for (const bool told : {true, false}) {
        Seat seat;
        REQUIRE(take(seat, folder, "key") == Seat::Refusal::kNone);
        seat.keep_record({"127.0.0.1", "this-device (built in)", "cloud:443", Milliseconds(4711)});
        seat.counters().to_cloud = 42;
        seat.report(Reported::kFinal);
        if (told) seat.record_told();
        std::filesystem::copy_file(folder.path + "/" + seat.id() + ".seat",
                                   folder.path + (told ? "/told.seat" : "/owed.seat"));
    }
    const auto orphans = adopt_orphans(folder.path, kPrefix);
    REQUIRE(orphans.size() == 1);
    CHECK(folder.seats() == 1);
    CHECK_FALSE(orphans[0].status_owed);
    CHECK(orphans[0].target == "localhost:22");
    CHECK(orphans[0].to_cloud == 42);
    REQUIRE(orphans[0].standing.has_value());
    CHECK(orphans[0].standing->address == "127.0.0.1");
    CHECK(orphans[0].standing->rule == "this-device (built in)");
    CHECK(orphans[0].standing->cloud == "cloud:443");
    CHECK(orphans[0].standing->since == Milliseconds(4711));
}

TEST_CASE("a final status can be noted in the seat of a session that has not heard of it") {
    const Folder folder;
    Seat seat;
    REQUIRE(take(seat, folder, "key") == Seat::Refusal::kNone);
    seat.report(Reported::kExecuting);
    note_final(folder.path, "no-such-seat");
    note_final(folder.path,
               "../" + folder.path.substr(folder.path.rfind('/') + 1) + "/" + seat.id());
    CHECK(list_seats(folder.path).at(0).reported == Reported::kExecuting);
    note_final(folder.path, seat.id());
    CHECK(list_seats(folder.path).at(0).reported == Reported::kFinal);
}

TEST_CASE("a session that could not tell the final status leaves that to the next start") {
    const Folder folder;
    {
        Seat seat;
        ConnectRequest owed = request("key");
        owed.operation.id = "7";
        REQUIRE(seat.take(folder.path, kPrefix, owed, 1, kLockPatience).ok());
        seat.report(Reported::kExecuting);
    }
    CHECK(folder.seats() == 1);
    Seat following;  // the dead one takes no place
    CHECK(take(following, folder, "key", 1) == Seat::Refusal::kNone);
    const auto orphans = adopt_orphans(folder.path, kPrefix);
    REQUIRE(orphans.size() == 1);
    CHECK(orphans[0].operation.id == "7");
}

TEST_CASE("an orphan without an id waits until nobody else can be EXECUTING") {
    const Folder folder;
    leave_dead(folder, "", Reported::kExecuting);
    {
        Seat living;
        CHECK(take(living, folder, "other") == Seat::Refusal::kNone);
        living.report(Reported::kExecuting);
        CHECK(adopt_orphans(folder.path, kPrefix).empty());
        living.report(Reported::kFinal);
        CHECK(adopt_orphans(folder.path, kPrefix).size() == 1);
    }
    CHECK(adopt_orphans(folder.path, kPrefix).size() == 1);
}

TEST_CASE("a status is owed without a session, too, and takes nobody's place") {
    const Folder folder;
    leave_owed(folder.path, kPrefix, {"7"});
    leave_owed(folder.path, kPrefix, {});
    leave_owed("/proc/no-such-folder", kPrefix, {"8"});
    Seat living;
    CHECK(take(living, folder, "", 1) == Seat::Refusal::kNone);
    CHECK(adopt_orphans(folder.path, kPrefix).size() == 2);
}

TEST_CASE("what is owed to one cloud is neither told to another nor held back by its operations") {
    const Folder folder;
    leave_dead(folder, "", Reported::kExecuting, "one");
    leave_dead(folder, "7", Reported::kExecuting, "two");
    Seat living;
    const ConnectRequest asked = request("other");
    REQUIRE(living.take(folder.path, "two", asked, 8, kPatience).ok());
    living.report(Reported::kExecuting);
    const auto first = adopt_orphans(folder.path, "one");
    REQUIRE(first.size() == 1);
    CHECK(first[0].operation.by_name());
    const auto second = adopt_orphans(folder.path, "two");
    REQUIRE(second.size() == 1);
    CHECK(second[0].operation.id == "7");
    CHECK(adopt_orphans(folder.path, "three").empty());
}

TEST_CASE("the seat's file never holds the key") {
    const Folder folder;
    Seat seat;
    CHECK(take(seat, folder, "very-secret-key") == Seat::Refusal::kNone);
    const Result<std::string> file = read_file(folder.path + "/" + seat.id() + ".seat");
    REQUIRE(file.ok());
    const std::string& content = *file;
    CHECK(content.size() == kCountersAt + kCountersRoom);
    CHECK(content.find("very-secret-key") == std::string::npos);
    CHECK(content.find("localhost:22") != std::string::npos);
}

TEST_CASE("counters written through the seat are in its file") {
    const Folder folder;
    Seat seat;
    CHECK(take(seat, folder, "k") == Seat::Refusal::kNone);
    seat.counters().to_cloud += 0x4142;
    char bytes[2] = {};
    REQUIRE(::pread(seat.fd(), bytes, 2, kCountersAt) == 2);
    CHECK(bytes[0] == 0x42);
    CHECK(bytes[1] == 0x41);
}

TEST_CASE("the counters can be mapped also where pages have 64 KiB") {
    const Folder folder;
    Seat seat;
    CHECK(take(seat, folder, "k") == Seat::Refusal::kNone);
    std::ifstream maps("/proc/self/maps");
    std::string line, found;
    while (std::getline(maps, line))
        if (line.find(seat.id() + ".seat") != std::string::npos) found = line;
    std::istringstream fields(found);  // proc(5): addresses, rights, offset
    std::string addresses, rights, offset;
    REQUIRE((fields >> addresses >> rights >> offset));
    CHECK(std::stoul(offset, nullptr, 16) % (std::size_t{64} * 1024) == 0);
}

TEST_CASE("what a forwarder writes says nothing of the status") {
    const Folder folder;
    {
        Seat seat;
        CHECK(take(seat, folder, "k") == Seat::Refusal::kNone);
        auto* const words = reinterpret_cast<std::uint32_t*>(&seat.counters());
        std::fill_n(words, sizeof(Counters) / sizeof *words,
                    static_cast<std::uint32_t>(Reported::kExecuting));
        seat.report(Reported::kFinal);
        std::fill_n(words, sizeof(Counters) / sizeof *words,
                    static_cast<std::uint32_t>(Reported::kExecuting));
        REQUIRE(list_seats(folder.path).size() == 1);
        CHECK(list_seats(folder.path)[0].reported == Reported::kFinal);
    }
    CHECK(folder.seats() == 0);
}

TEST_CASE("where only a part of a seat can be written, the reason is the system's") {
    const Folder folder;
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    const auto handler = ::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{kSeatInfo + 100, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    Seat seat;
    errno = ENOENT;
    const Result<Seat::Refusal> taken = seat.take(folder.path, kPrefix, request("k"), 1, kPatience);
    ::setrlimit(RLIMIT_FSIZE, &before);
    ::signal(SIGXFSZ, handler);
    REQUIRE_FALSE(taken.ok());
    CHECK(taken.error().detail.find("File too large") != std::string::npos);
}

TEST_CASE("a seat without a file still shares its counters with a forked forwarder") {
    Seat seat;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        seat.counters().to_cloud = 42;
        ::_exit(0);
    }
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    CHECK(seat.counters().to_cloud == 42);
}

TEST_CASE("a folder that cannot be written is an error that names it") {
    Seat seat;
    const Result<Seat::Refusal> taken =
        seat.take("/proc/no-such-folder", kPrefix, request("k"), 1, kPatience);
    REQUIRE_FALSE(taken.ok());
    CHECK(taken.error().detail.find("/proc/no-such-folder") != std::string::npos);
}
