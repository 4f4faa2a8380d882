// SPDX-License-Identifier: Apache-2.0
#include "forwarder/pump.hpp"

#include <doctest/doctest.h>

#include "ends_in_memory.hpp"

namespace remote_access {
namespace {

using namespace testing;
using By = message::Ended::By;

std::string as_messages(const std::string& bytes, std::size_t size) {
    std::string stream;
    for (std::size_t at = 0; at < bytes.size(); at += size)
        stream += frame(kBinary, std::string_view(bytes).substr(at, size));
    return stream;
}

}  // namespace

TEST_CASE("bytes go both ways, in messages of at most 16 KiB") {
    Session session;
    const std::string up = pattern(100'000), down = pattern(150'000);
    session.target.incoming = up;
    session.cloud.incoming = as_messages(down, 5'000);
    session.settle();
    std::string got;
    for (const Frame& frame : session.sent_frames()) {
        CHECK(frame.opcode == kBinary);
        CHECK(frame.payload.size() <= 16 * 1024);
        got += frame.payload;
    }
    CHECK(got == up);
    CHECK(session.target.received == down);
    CHECK(session.counters.to_cloud == up.size());
    CHECK(session.counters.to_target == down.size());
    CHECK(session.counters.last_activity ==
          std::chrono::duration_cast<Milliseconds>(session.start.time_since_epoch()).count());
    CHECK_FALSE(session.pump.over());
    CHECK(session.cloud.sends <= 100'000 / (32 * 1024) + 1);  // gathered
}

TEST_CASE("one-byte reads and writes lose nothing") {
    Session session;
    const std::string up = pattern(3'000), down = pattern(3'000);
    session.target.incoming = up;
    session.cloud.incoming = as_messages(down, 700);
    session.target.piece = session.cloud.piece = 1;
    session.target.window = session.cloud.window = 0;
    for (int turn = 0; turn < 200'000 && (session.target.received.size() < down.size() ||
                                          !session.target.incoming.empty());
         ++turn) {
        session.target.window = session.cloud.window = 1;
        session.settle();
    }
    session.cloud.window = kUnlimited;
    session.settle();
    CHECK(summary(session.sent_frames()) == up);
    CHECK(session.target.received == down);
}

TEST_CASE("a message is sent at once, alone in one write") {
    Session session;
    for (int i = 0; i < 5; ++i) {
        session.target.incoming = "k";
        session.settle();
        CHECK(session.cloud.sends == static_cast<std::size_t>(i + 1));
        CHECK(summary(session.sent_frames()) == "k");
        session.cloud.incoming = frame(kBinary, "K");
        session.settle();
        CHECK(session.target.received.size() == static_cast<std::size_t>(i + 1));
    }
}

TEST_CASE("a stalled side stops the other, within fixed memory, and nothing else") {
    Session session;
    const std::string up = pattern(1'000'000), down = pattern(1'000'000);

    SUBCASE("the cloud does not read") {
        session.cloud.window = 0;
        session.target.incoming = up;
        session.settle();
        CHECK(up.size() - session.target.incoming.size() <= 4 * 16 * 1024);
        session.cloud.incoming = frame(kBinary, "still alive");
        session.settle();
        CHECK(session.target.received == "still alive");
    }
    SUBCASE("the target does not read") {
        session.target.window = 0;
        session.cloud.incoming = as_messages(down, 9'000);
        const std::size_t all = session.cloud.incoming.size();
        session.settle();
        CHECK(all - session.cloud.incoming.size() <= 64 * 1024);
        session.target.incoming = "still alive";
        session.settle();
        CHECK(summary(session.sent_frames()) == "still alive");
    }
    SUBCASE("neither reads") {
        session.cloud.window = session.target.window = 0;
        session.target.incoming = up;
        session.cloud.incoming = as_messages(down, 9'000);
        session.settle();
    }
    CHECK_FALSE(session.ready());  // and does not spin
    session.cloud.window = session.target.window = kUnlimited;
    session.settle();
    CHECK(session.target.incoming.empty());
    CHECK(session.cloud.incoming.empty());
}

TEST_CASE("who ends × direction × when: all that was sent arrives, and both sides learn of it") {
    enum class Ender { kTargetEnds, kTargetResets, kCloudCloses, kCloudEnds, kCloudResets, kStop };
    struct Row {
        Ender ender;
        By by;
        std::uint16_t code;
        std::string close;  // what the cloud reads last
    };
    const std::string reset = "Connection reset by peer";
    const Row rows[] = {
        {Ender::kTargetEnds, By::kTarget, 1000, "<close 1000>"},
        {Ender::kTargetResets, By::kTarget, 1011, "<close 1011 " + reset + ">"},
        {Ender::kCloudCloses, By::kCloud, 4000, "<close 4000>"},
        {Ender::kCloudEnds, By::kCloud, 1006, ""},
        {Ender::kCloudResets, By::kCloud, 1006, ""},
        {Ender::kStop, By::kUs, 1001, "<close 1001 limit>"},
    };
    const std::size_t sizes[] = {0, 1, 40'000, 300'000};
    for (const Row& row : rows) {
        for (const std::size_t up_size : sizes) {
            for (const std::size_t down_size : sizes) {
                for (const bool slow : {false, true}) {
                    CAPTURE(static_cast<int>(row.ender));
                    CAPTURE(up_size);
                    CAPTURE(down_size);
                    CAPTURE(slow);
                    Session session;
                    const std::string up = pattern(up_size), down = pattern(down_size);
                    session.target.incoming = up;
                    session.cloud.incoming = as_messages(down, 20'000);
                    // Slow: what the ender has sent is still under way when it ends.
                    if (slow) session.cloud.window = session.target.window = 0;
                    const bool by_target = row.by == By::kTarget;
                    if (!slow || !by_target) session.settle();
                    if (row.ender == Ender::kTargetEnds) session.target.ends = true;
                    if (row.ender == Ender::kTargetResets) session.target.resets = true;
                    if (row.ender == Ender::kCloudCloses)
                        session.cloud.incoming += close_frame(4000, "bye");
                    if (row.ender == Ender::kCloudEnds) session.cloud.ends = true;
                    if (row.ender == Ender::kCloudResets) session.cloud.resets = true;
                    if (row.ender == Ender::kStop) session.pump.stop(session.now, 1001, "limit");
                    session.settle();
                    session.cloud.window = session.target.window = kUnlimited;
                    session.pass(Milliseconds(10));
                    const std::string sent = summary(session.sent_frames());
                    // The cloud answers our close; the target ends when it has read our end.
                    session.cloud.incoming += close_frame(1000);
                    session.target.ends = true;
                    session.pass(Milliseconds(10));
                    if (!session.pump.over()) session.pass(Milliseconds(1'000));
                    REQUIRE(session.pump.over());
                    CHECK(session.elapsed() <= Milliseconds(1'020));
                    CHECK(session.pump.ending().by == row.by);
                    CHECK(session.pump.ending().code == row.code);
                    const bool all_up = by_target || !slow;
                    if (all_up) CHECK(sent == up + row.close);
                    if (!all_up && !row.close.empty())
                        CHECK(sent.substr(sent.size() - row.close.size()) == row.close);
                    if (row.ender == Ender::kTargetResets) continue;
                    CHECK(session.target.received == down);
                    CHECK(session.target.writing_ended);
                }
            }
        }
    }
}

TEST_CASE("without data in flight each side learns of the other's end at once") {
    Session session;
    SUBCASE("the target ends") {
        session.target.ends = true;
        session.settle();
        CHECK(summary(session.sent_frames()) == "<close 1000>");
    }
    SUBCASE("the cloud ends") {
        session.cloud.ends = true;
        session.settle();
        CHECK(session.target.writing_ended);
    }
    SUBCASE("the cloud closes") {
        session.cloud.incoming = close_frame(1000);
        session.settle();
        CHECK(session.target.writing_ended);
        CHECK(summary(session.sent_frames()) == "<close 1000>");
    }
    CHECK(session.elapsed() == Milliseconds(0));
}

TEST_CASE("what the cloud sends between the target's end and its own close is delivered") {
    Session session;
    session.target.ends = true;
    session.settle();
    session.cloud.incoming = frame(kBinary, "answer, part one; ");
    session.pass(Milliseconds(2'000));
    session.cloud.incoming = frame(kBinary, "part two");
    session.pass(Milliseconds(2'000));
    CHECK(session.target.received == "answer, part one; part two");
    CHECK_FALSE(session.target.writing_ended);
    session.cloud.incoming = close_frame(1000);
    session.settle();
    CHECK(session.pump.over());
    CHECK(session.target.writing_ended);
    CHECK(session.pump.ending().by == By::kTarget);
}

TEST_CASE("an end that gets no answer is over after the time to drain") {
    Session session;
    SUBCASE("the cloud never closes") { session.target.ends = true; }
    SUBCASE("the cloud does not read") {
        session.cloud.window = 0;
        session.target.incoming = pattern(100'000);
        session.settle();
        session.pump.stop(session.now, 1001, "");
    }
    SUBCASE("the target does not read") {
        session.target.window = 0;
        session.cloud.incoming = frame(kBinary, pattern(1'000)) + close_frame(1000);
    }
    SUBCASE("the target does not acknowledge") {
        session.target.acknowledges = false;
        session.cloud.incoming = frame(kBinary, "x") + close_frame(1000);
    }
    session.pass(Milliseconds(4'900));
    CHECK_FALSE(session.pump.over());
    session.pass(Milliseconds(200));
    CHECK(session.pump.over());
    CHECK(session.elapsed() == Milliseconds(5'000));
}

TEST_CASE("an end that takes its bytes slowly gets them all, in a bounded time") {
    Session session;
    SUBCASE("the target") {
        session.target.window = 0;
        session.cloud.incoming = frame(kBinary, pattern(40'000)) + close_frame(1000);
        for (int second = 0; second < 20; ++second) {
            session.pass(Milliseconds(2'000));
            CHECK_FALSE(session.pump.over());
            session.target.window = 2'000;
        }
        session.target.ends = true;
        session.settle();
        CHECK(session.target.received == pattern(40'000));
        CHECK(session.pump.ending().target_lacks == 0);
    }
    SUBCASE("the cloud") {
        session.cloud.window = 0;
        session.target.incoming = pattern(40'000);
        session.target.ends = true;
        for (int second = 0; second < 21; ++second) {
            session.pass(Milliseconds(2'000));
            CHECK_FALSE(session.pump.over());
            session.cloud.window = 2'000;
        }
        session.settle();
        CHECK(summary(session.sent_frames()) == pattern(40'000) + "<close 1000>");
        session.cloud.incoming = close_frame(1000);
        session.settle();
        CHECK_FALSE(session.pump.ending().cloud_lacks);
    }
    CHECK(session.pump.over());
}

TEST_CASE("what is in the kernel for the cloud is under way, and what stays there is told") {
    Session session;
    session.cloud.in_kernel = 50'000;  // of the session's last bytes, with what TLS adds
    session.target.incoming = pattern(40'000);
    session.target.ends = true;
    session.settle();
    bool told = true;
    SUBCASE("a slow wire") {
        for (int second = 0; second < 24; ++second) {
            session.pass(Milliseconds(2'000));
            CHECK_FALSE(session.pump.over());
            session.cloud.in_kernel -= 2'000;
        }
        session.pass(Milliseconds(100));
        session.cloud.incoming = close_frame(1000);
        session.cloud.in_kernel = 0;
        session.settle();
        told = false;
    }
    SUBCASE("a dead wire") { session.pass(Milliseconds(5'100)); }
    SUBCASE("a reset") {
        session.cloud.resets = true;
        session.pass(Milliseconds(5'100));
    }
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().cloud_lacks == told);
}

TEST_CASE("what was not taken in time is told, whoever ends it") {
    Session session;
    session.target.window = session.cloud.window = 0;
    session.cloud.incoming = frame(kBinary, pattern(1'000)) + close_frame(1000);
    session.target.incoming = pattern(1'000);
    SUBCASE("nothing is taken") { session.pass(Milliseconds(5'000)); }
    SUBCASE("a byte now and then") {
        for (int turn = 0; turn < 60; ++turn) {
            session.target.window = 1;
            session.pass(Milliseconds(1'000));
        }
        CHECK(session.target.received.size() == 60);
    }
    SUBCASE("a byte now and then, and this device stops") {
        session.settle();
        session.pump.stop(session.now, 1001, "");
        for (int turn = 0; turn < 5; ++turn) {
            session.target.window = 1;
            session.pass(Milliseconds(1'000));
        }
    }
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().target_lacks == 1'000 - session.target.received.size());
    CHECK(session.pump.ending().cloud_lacks);
}

TEST_CASE("a target that is gone altogether ends it at once, with what it had sent") {
    Session session;
    session.settle();
    session.target.deaf = true;
    session.target.incoming = "last words";
    session.target.resets = true;
    session.cloud.incoming = frame(kBinary, "into the void");
    session.settle();
    CHECK(summary(session.sent_frames()) == "last words<close 1011 Connection reset by peer>");
    session.pass(Milliseconds(600));
    CHECK(session.pump.over());
    CHECK(session.pump.ending().by == By::kTarget);
    CHECK(session.pump.ending().code == 1011);
}

TEST_CASE("the last words of a target that is gone wait for a slow cloud") {
    Session session;
    session.cloud.window = 0;
    session.target.incoming = pattern(100'000);
    session.settle();
    session.target.resets = true;
    SUBCASE("found by a read") {}
    SUBCASE("found by a write") {
        session.target.deaf = true;
        session.cloud.incoming = frame(kBinary, "into the void");
    }
    for (int turn = 0; turn < 26; ++turn) {
        session.pass(Milliseconds(2'000));
        CHECK_FALSE(session.pump.over());
        session.cloud.window = 4'000;
    }
    session.settle();
    CHECK(summary(session.sent_frames()) ==
          pattern(100'000) + "<close 1011 Connection reset by peer>");
    session.pass(Milliseconds(600));
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().by == By::kTarget);
    CHECK_FALSE(session.pump.ending().cloud_lacks);
    CHECK(session.counters.to_cloud == 100'000);
}

TEST_CASE("a target that is gone while the cloud takes nothing ends it after the time to drain") {
    Session session;
    session.target.incoming = pattern(100'000);
    SUBCASE("nothing fits into its kernel") { session.cloud.window = 0; }
    SUBCASE("its kernel has it all") { session.cloud.in_kernel = 1'000; }
    session.settle();
    session.target.resets = session.target.deaf = true;
    session.cloud.incoming = frame(kBinary, "into the void");
    session.pass(Milliseconds(4'900));
    CHECK_FALSE(session.pump.over());
    session.pass(Milliseconds(200));
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().by == By::kTarget);
    CHECK(session.pump.ending().cloud_lacks);
}

TEST_CASE("a cloud that is gone while the target does not read ends it within the time to drain") {
    Session session;
    session.target.window = 0;
    session.cloud.incoming = frame(kBinary, pattern(200'000));
    session.settle();
    session.cloud.deaf = true;
    session.target.incoming = "anybody there?";
    session.pass(Milliseconds(5'000));
    CHECK(session.pump.over());
    CHECK(session.pump.ending().by == By::kCloud);
    CHECK(session.pump.ending().code == 1006);
}

TEST_CASE("a cloud that closed before our write failed is heard to its close frame") {
    Session session;
    session.settle();
    session.cloud.deaf = true;
    session.cloud.resets = true;
    session.cloud.incoming = frame(kBinary, "result") + close_frame(4000, "idle");
    session.target.incoming = "too late";
    session.settle();
    CHECK(session.target.received == "result");
    CHECK(session.target.writing_ended);
    session.target.ends = true;
    session.settle();
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().code == 4000);
    CHECK(session.pump.ending().detail == "idle");
}

TEST_CASE("what breaks the protocol is answered with its code, after the payload before it") {
    Session session;
    session.cloud.incoming = frame(kBinary, "good") + header(3, 0) + frame(kBinary, "never");
    session.settle();
    CHECK(session.target.received == "good");
    CHECK(session.target.writing_ended);
    CHECK(summary(session.sent_frames()) == "<close 1002 invalid opcode>");
    session.target.ends = true;
    session.cloud.incoming += pattern(100'000);  // still coming: read, so that our frame survives
    session.pass(Milliseconds(600));
    CHECK(session.pump.over());
    CHECK(session.cloud.incoming.empty());
    CHECK(session.pump.ending().by == By::kCloud);
    CHECK(session.pump.ending().code == 1002);
}

TEST_CASE("what came with the answer to the upgrade is not lost") {
    Session session;
    std::string early = frame(kBinary, "SSH-2.0-early\r\n");
    SUBCASE("bytes") {}
    SUBCASE("bytes and a close frame") { early += close_frame(1000); }
    const bool closes = early.back() != '\n';
    session.codec.feed(reinterpret_cast<std::uint8_t*>(early.data()), early.size());
    session.settle();
    CHECK(session.target.received == "SSH-2.0-early\r\n");
    CHECK(session.target.writing_ended == closes);
}

TEST_CASE("pings are answered, also in the middle of a message, and in order with the data") {
    Session session;
    session.cloud.incoming = frame(kBinary, "a", false) + frame(kPing, "one") +
                             frame(kContinuation, "b") + frame(kPing, "two");
    session.settle();
    CHECK(session.target.received == "ab");
    CHECK(summary(session.sent_frames()) == "<pong one><pong two>");
}

TEST_CASE("a flood of pings to a cloud that does not read keeps the latest, in fixed memory") {
    Session session;
    session.cloud.window = 0;
    session.target.incoming = pattern(100'000);
    session.settle();
    for (int i = 0; i < 2'000; ++i) {
        session.cloud.incoming = frame(kPing, "ping " + std::to_string(i));
        session.settle();
    }
    CHECK(session.cloud.buffer.size() <= MemoryCloud::kBuffer);
    session.target.ends = true;
    session.cloud.window = kUnlimited;
    session.settle();
    const std::string sent = summary(session.sent_frames());
    CHECK(sent.find("<pong ping 1999>") != std::string::npos);
    CHECK(sent.substr(sent.size() - 12) == "<close 1000>");
}

TEST_CASE("an idle session pings, and lives as long as it is answered") {
    Session session;
    int pings = 0;
    for (int second = 0; second < 300; ++second) {
        session.pass(Milliseconds(1'000));
        for (const Frame& frame : session.sent_frames()) {
            CHECK(frame.opcode == kPing);
            session.cloud.incoming += testing::frame(kPong, frame.payload);
            ++pings;
        }
    }
    CHECK_FALSE(session.pump.over());
    CHECK(pings == 12);
}

TEST_CASE("a cloud that says nothing for too long is gone") {
    Session session;
    session.pass(Milliseconds(59'999));
    CHECK_FALSE(session.pump.over());
    session.pass(Milliseconds(1));
    CHECK(session.target.writing_ended);
    session.pass(Milliseconds(600));
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().by == By::kCloud);
    CHECK(session.pump.ending().code == 1006);
    CHECK(session.pump.ending().detail == "nothing received for 1m");
}

TEST_CASE("the silence of a cloud that is not read, because the target stalls, says nothing") {
    Session session;
    session.target.window = 0;
    session.cloud.incoming = frame(kBinary, pattern(200'000));
    session.pass(Milliseconds(300'000));
    CHECK_FALSE(session.pump.over());
    session.target.window = kUnlimited;
    session.settle();
    CHECK(session.target.received.size() == 200'000);
    CHECK_FALSE(session.pump.over());
}

TEST_CASE("a cloud that is stalled gets no further pings") {
    Session session;
    session.cloud.window = 0;
    session.target.incoming = pattern(100'000);
    for (int i = 0; i < 20; ++i) {
        session.pass(Milliseconds(30'000));
        session.cloud.incoming = frame(kPong, "");
    }
    CHECK(session.cloud.buffer.size() <= 4 * 16 * 1024);
    CHECK_FALSE(session.pump.over());
}

TEST_CASE("a cloud that pauses while we send is alive as long as its kernel acknowledges") {
    Session session;
    session.cloud.window = 0;
    session.target.incoming = pattern(100'000);
    for (int i = 0; i < 20; ++i) session.pass(Milliseconds(30'000));
    CHECK_FALSE(session.pump.over());
    session.cloud.owed = Milliseconds(60'000);
    for (int i = 0; i < 3; ++i) session.pass(Milliseconds(30'000));
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().by == By::kCloud);
    CHECK(session.pump.ending().code == 1006);
}

TEST_CASE("a target that pauses is alive as long as its kernel acknowledges") {
    Session session;
    session.target.window = 0;
    session.cloud.incoming = frame(kBinary, pattern(200'000));
    for (int i = 0; i < 20; ++i) session.pass(Milliseconds(30'000));
    CHECK_FALSE(session.pump.over());
    session.target.owed = Milliseconds(60'000);
    for (int i = 0; i < 3; ++i) session.pass(Milliseconds(30'000));
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().by == By::kTarget);
    CHECK(session.pump.ending().detail == "nothing acknowledged for 1m");
}

TEST_CASE("a cloud that has not got our ping yet does not owe an answer") {
    Session session;
    session.cloud.in_kernel = 1'000;
    SUBCASE("it pauses: its window is closed") {}
    SUBCASE("its line is thin: acknowledgements come all the time") {
        session.cloud.owed = Milliseconds(2'000);
    }
    session.pass(Milliseconds(300'000));
    REQUIRE_FALSE(session.pump.over());
    CHECK(summary(session.sent_frames()) == "<ping>");  // a second one says no more
    session.cloud.owed = Milliseconds(0);
    session.cloud.in_kernel = 0;  // it has got it, and does not answer
    session.pass(Milliseconds(121'000));
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().detail == "nothing received for 1m");
}

TEST_CASE("a ping that is lost on the way does not make a cloud live longer") {
    Session session;
    session.cloud.in_kernel = 1'000;
    session.cloud.owed = Milliseconds(60'000);
    session.pass(Milliseconds(60'600));
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().detail == "nothing received for 1m");
}

TEST_CASE("an end that owes an acknowledgement for a moment, after a long pause, is alive") {
    Session session;
    Milliseconds* owed = nullptr;
    SUBCASE("the target") { owed = &session.target.owed; }
    SUBCASE("the cloud") { owed = &session.cloud.owed; }
    for (int i = 0; i < 5; ++i) {
        for (const Milliseconds age : {Milliseconds(300'000), Milliseconds(0)}) {
            *owed = age;  // a probe is under way at every other look
            session.cloud.incoming = frame(kPong, "");
            session.pass(Milliseconds(25'000));
            CHECK_FALSE(session.pump.over());
        }
    }
    *owed = Milliseconds(300'000);
    for (int i = 0; i < 4; ++i) {
        session.cloud.incoming = frame(kPong, "");
        session.pass(Milliseconds(25'000));
    }
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().detail == "nothing acknowledged for 1m");
}

TEST_CASE("a cloud that resets is noticed although a stalled target keeps it unread") {
    Session session;
    session.target.window = 0;
    session.cloud.incoming = frame(kBinary, pattern(200'000));
    session.pass(Milliseconds(10'000));
    CHECK_FALSE(session.pump.over());
    session.cloud.resets = true;
    session.pass(Milliseconds(7'000));
    REQUIRE(session.pump.over());
    CHECK(session.pump.ending().by == By::kCloud);
}

TEST_CASE("bulk in one direction leaves room for a keystroke in the other, in every turn") {
    Session session;
    session.target.incoming = pattern(8'000'000);
    session.cloud.incoming = frame(kBinary, "k");
    session.pump.run(session.now);
    CHECK(session.target.received == "k");
    CHECK(session.target.incoming.size() > 6'000'000);  // and the turn ends
    CHECK(session.pump.wants().again);
}

TEST_CASE("a flood without payload leaves room for everything else, in every turn") {
    Session session;
    while (session.cloud.incoming.size() < 8'000'000) session.cloud.incoming += frame(kPong, "x");
    SUBCASE("of control frames") {}
    SUBCASE("after a violation") { session.cloud.incoming.insert(0, header(3, 0)); }
    session.target.incoming = "k";
    session.pump.run(session.now);
    CHECK(session.cloud.incoming.size() > 5'000'000);
    CHECK(session.target.incoming.empty());
}

}  // namespace remote_access
