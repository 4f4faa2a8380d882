// SPDX-License-Identifier: Apache-2.0
// A session as a script: the cloud's frames (whole, odd or broken), the target's bytes, windows
// that open and close, ends, resets, time. Nothing is lost, invented or reordered, nothing grows or
// spins, and every session ends.
#include "property.hpp"

// The ends in memory are the unit tests'; their checks are properties here.
#define DOCTEST_LIBRARY_INCLUDED
#define CHECK_FALSE(condition) remote_access::fuzz::require(!(condition), #condition)
#define REQUIRE(condition) remote_access::fuzz::require(condition, #condition)
#include <fuzzer/FuzzedDataProvider.h>

#include "ends_in_memory.hpp"
#include "naive_decoder.hpp"

namespace remote_access {
namespace {

using namespace fuzz;
using testing::Frame;
using testing::kUnlimited;

constexpr std::size_t kMostSteps = 60;
constexpr std::uint64_t kLongestHere = std::uint64_t{1} << 20U;

class Script {
public:
    explicit Script(FuzzedDataProvider& data) : data_(data) {}

    int run() {
        for (std::size_t step = 0; step < kMostSteps && data_.remaining_bytes() > 0; ++step) {
            act();
            if (decoded_.longest > kLongestHere) return -1;
            session_.settle();
            look();
        }
        if (calm_) finish_calmly();
        session_.pump.stop(session_.now, 1001, "limit");
        session_.pass(Milliseconds(5'500));
        REQUIRE(session_.pump.over());
        look();
        check_ending();
        return 0;
    }

private:
    void act() {
        switch (data_.ConsumeIntegralInRange(0, 13)) {
            case 0:
            case 1:
                return cloud_sends(whole_frame());
            case 2:
                return cloud_sends(data_.ConsumeRandomLengthString(64));
            case 3:
            case 4:
                return target_sends(size());
            case 5:
                session_.cloud.window = window();
                return;
            case 6:
                session_.target.window = window();
                return;
            case 7:
                session_.cloud.piece = piece();
                return;
            case 8:
                session_.target.piece = piece();
                return;
            case 9:
                return trouble();
            case 10:
                session_.pass(Milliseconds(data_.ConsumeIntegralInRange(1, 20'000)));
                return;
            case 11:
                session_.target.acknowledges = data_.ConsumeBool();
                return;
            case 12:
                return end();
            default:
                (data_.ConsumeBool() ? session_.cloud.owed : session_.target.owed) =
                    Milliseconds(data_.ConsumeIntegralInRange(0, 70'000));
        }
    }

    std::string whole_frame() {
        constexpr int kOpcodes[] = {testing::kBinary,       testing::kBinary, testing::kText,
                                    testing::kContinuation, testing::kPing,   testing::kPong,
                                    testing::kClose};
        const int opcode = data_.PickValueInArray(kOpcodes);
        const bool fin = data_.ConsumeIntegralInRange(0, 3) != 0;
        if (opcode != testing::kBinary)
            return testing::frame(opcode, data_.ConsumeRandomLengthString(130), fin);
        return testing::frame(opcode, testing::pattern(size()), fin);
    }

    /// Mostly short; the others are longer than what is read or sent at once.
    std::size_t size() {
        const bool is_long = data_.ConsumeIntegralInRange(0, 3) == 0;
        return data_.ConsumeIntegralInRange<std::size_t>(0, is_long ? 70'000 : 300);
    }

    std::size_t window() {
        return data_.ConsumeBool() ? kUnlimited
                                   : data_.ConsumeIntegralInRange<std::size_t>(0, 40'000);
    }
    // Not so small that a long script of small reads takes seconds.
    std::size_t piece() {
        return data_.ConsumeBool() ? kUnlimited
                                   : data_.ConsumeIntegralInRange<std::size_t>(100, 20'000);
    }

    void cloud_sends(const std::string& bytes) {
        if (session_.cloud.ends || session_.cloud.resets) return;
        session_.cloud.incoming += bytes;
        from_cloud_ += bytes;
        decoded_ = NaiveDecoder(from_cloud_);
    }
    void target_sends(std::size_t size) {
        if (session_.target.ends || session_.target.resets) return;
        const std::string bytes = testing::pattern(size);
        session_.target.incoming += bytes;
        from_target_ += bytes;
    }

    void trouble() {
        calm_ = false;
        testing::Side& side = either();
        data_.ConsumeBool() ? side.resets = true : side.deaf = true;
    }
    void end() {
        if (data_.ConsumeBool()) {
            either().ends = true;
            calm_ = calm_ && !session_.cloud.ends;
        } else {
            calm_ = false;
            session_.pump.stop(session_.now, data_.ConsumeIntegral<std::uint16_t>(),
                               data_.ConsumeRandomLengthString(200));
        }
    }
    testing::Side& either() {
        if (data_.ConsumeBool()) return session_.cloud;
        return session_.target;
    }

    /// What both sides have received so far.
    void look() {
        for (const Frame& frame : session_.sent_frames()) {
            // RFC 6455 §5.5.1 and 5.5.2: after our close frame only pings are answered.
            REQUIRE(!cloud_told_ || frame.opcode == testing::kPong);
            cloud_told_ |= frame.opcode == testing::kClose;
            REQUIRE(frame.fin);
            if (frame.opcode == testing::kBinary) to_cloud_ += frame.payload;
            REQUIRE(frame.opcode != testing::kText && frame.opcode != testing::kContinuation);
        }
        REQUIRE(from_target_.compare(0, to_cloud_.size(), to_cloud_) == 0);
        REQUIRE(session_.counters.to_cloud <= from_target_.size());
        REQUIRE(session_.counters.to_cloud >= to_cloud_.size());
        const std::string payload = decoded_.payload + decoded_.unconfirmed;
        const std::string& received = session_.target.received;
        REQUIRE(payload.compare(0, received.size(), received) == 0);
        REQUIRE(session_.counters.to_target == received.size());
        REQUIRE(session_.codec.payload().size() <= std::size_t{80} * 1024);
    }

    /// No trouble: everything arrives, once the windows are open and unless it was too late.
    void finish_calmly() {
        const bool ended = session_.pump.over() || session_.target.ends;
        if (ended || decoded_.closed || decoded_.violation != 0) return;
        if (session_.elapsed() >= Milliseconds(50'000)) return;  // near keepalive.timeout
        session_.cloud.owed = session_.target.owed = Milliseconds(0);
        session_.cloud.window = session_.target.window = kUnlimited;
        session_.settle();
        look();
        REQUIRE(!session_.pump.over());
        REQUIRE(to_cloud_ == from_target_);
        REQUIRE(session_.target.received == decoded_.payload + decoded_.unconfirmed);
    }

    void check_ending() {
        const message::Ended& ending = session_.pump.ending();
        REQUIRE(ending.code >= 1000 || ending.by == message::Ended::By::kUs);
        const Pump::Wants wants = session_.pump.wants();
        REQUIRE(!wants.again && !wants.cloud_read && !wants.cloud_write && !wants.target_read &&
                !wants.target_write && !wants.wake_at);
    }

    FuzzedDataProvider& data_;
    testing::Session session_;
    std::string from_cloud_, from_target_, to_cloud_;
    NaiveDecoder decoded_{from_cloud_};
    bool calm_ = true, cloud_told_ = false;
};

}  // namespace
}  // namespace remote_access

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    FuzzedDataProvider provider(data, size);
    return remote_access::Script(provider).run();
}
