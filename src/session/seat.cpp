// SPDX-License-Identifier: Apache-2.0
#include "session/seat.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <limits>
#include <memory>
#include <new>

#include "base/json.hpp"
#include "base/time.hpp"
#include "session/seat_file.hpp"

namespace remote_access {
namespace {

std::string hex(const unsigned char* bytes, std::size_t count) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += kDigits[bytes[i] >> 4U];
        text += kDigits[bytes[i] & 15U];
    }
    return text;
}

std::string random_hex(std::size_t bytes) {
    std::array<unsigned char, 16> buffer{};
    if (::getrandom(buffer.data(), bytes, 0) != static_cast<ssize_t>(bytes)) return {};
    return hex(buffer.data(), bytes);
}

std::string salted_hash(std::string_view salt, std::string_view key) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                          EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1 ||
        EVP_DigestUpdate(context.get(), salt.data(), salt.size()) != 1 ||
        EVP_DigestUpdate(context.get(), key.data(), key.size()) != 1 ||
        EVP_DigestFinal_ex(context.get(), digest.data(), &size) != 1)
        return {};
    return hex(digest.data(), size);
}

struct Others {
    int taken = 0;
    bool same_key = false;
};

/// What the living serve. The dead take no seat; their files are adopt_orphans()'s.
Others look_around(const std::string& folder, const ConnectRequest& request) {
    Others others;
    for (const SeatFile& seat : list_seats(folder)) {
        if (!seat.alive) continue;
        ++others.taken;
        const std::string hash = salted_hash(seat.salt, request.key.reveal());
        if (!hash.empty() && hash.size() == seat.key_hash.size() &&
            CRYPTO_memcmp(hash.data(), seat.key_hash.data(), hash.size()) == 0)
            others.same_key = true;
    }
    return others;
}

/// Those of the file; anonymous ones for -1. Nothing: the system's error is in errno.
Counters* map_counters(int file) {
    const int flags = MAP_SHARED | (file < 0 ? MAP_ANONYMOUS : 0);
    const off_t offset = file < 0 ? 0 : static_cast<off_t>(kCountersAt);
    void* page = ::mmap(nullptr, kCountersRoom, PROT_READ | PROT_WRITE, flags, file, offset);
    return page == MAP_FAILED ? nullptr : new (page) Counters();
}

}  // namespace

// Without a file too the page is shared: the forwarder counts in a process of its own.
Seat::Seat() : own_(map_counters(-1)), counters_(own_ != nullptr ? own_ : &unshared_) {}

Seat::~Seat() {
    leave();
    if (own_ != nullptr) ::munmap(own_, kCountersRoom);
}

void Seat::report(Reported reported) {
    reported_ = reported;
    if (file_) write_reported(file_.get(), reported);
}

void Seat::leave() {
    const bool owed = reported_ == Reported::kExecuting;
    if (!path_.empty() && !owed) ::unlink(path_.c_str());
    path_.clear();
}

void Seat::keep_record(const Standing& standing) {
    json::Object info = info_;
    info["standing"] = json::Object{{"address", standing.address},
                                    {"rule", standing.rule},
                                    {"cloud", standing.cloud},
                                    {"since", std::int64_t{standing.since.count()}}};
    // The seat is good without: what does not fit, or cannot be written, is left.
    [[maybe_unused]] const Result<void> kept = write_info(info);
}

void Seat::record_told() { [[maybe_unused]] const Result<void> told = write_info(info_); }

/// All of the first part but what is reported.
Result<void> Seat::write_info(const json::Object& info) const {
    std::string text = json::write(info);
    if (!file_ || text.size() > kReportedAt) return Error{Fault::kSystem, {}, "no room for a seat"};
    text.resize(kReportedAt, '\0');
    return write_at(file_.get(), text, 0, path_);
}

Result<Seat::Refusal> Seat::take(const std::string& folder, const std::string& prefix,
                                 const ConnectRequest& request, int limit, Milliseconds patience) {
    const Result<Fd> lock = lock_seats(folder, patience);
    if (!lock) return lock.error();
    const Others others = look_around(folder, request);
    if (others.same_key) return Refusal::kDuplicate;
    if (others.taken >= limit) return Refusal::kLimit;
    const Result<void> created = create(folder, prefix, request);
    if (!created) return created.error();
    return Refusal::kNone;
}

Result<void> Seat::create(const std::string& folder, const std::string& prefix,
                          const ConnectRequest& request) {
    id_ = random_hex(4);
    const std::string path = folder + "/" + id_ + ".seat";
    file_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) return system_error(path, errno);
    path_ = path;
    const std::string salt = random_hex(16);
    info_ = json::Object{
        {"id", id_},
        {"prefix", prefix},
        {"operation", request.operation.id},
        {"target", request.target()},
        {"since", utc_timestamp(std::chrono::system_clock::now())},
        {"pid", std::int64_t{::getpid()}},
        {"salt", salt},
        {"key_hash", salted_hash(salt, request.key.reveal())},
    };
    if (!try_lock(file_.get())) return system_error(path, errno);
    // Written, not truncated to size: a full disk must show here and not as SIGBUS in the mapping.
    Result<void> written = write_info(info_);
    if (written)
        written = write_at(file_.get(), std::string(kCountersRoom, '\0'), kCountersAt, path);
    if (!written) return written;
    Counters* page = map_counters(file_.get());
    if (page == nullptr) return system_error(path, errno);
    if (own_ != nullptr) ::munmap(own_, kCountersRoom);
    own_ = counters_ = page;
    return {};
}

void leave_owed(const std::string& folder, const std::string& prefix,
                const OperationId& operation) {
    ConnectRequest request;
    request.operation = operation;
    Seat seat;
    const Result<Seat::Refusal> taken =
        seat.take(folder, prefix, request, std::numeric_limits<int>::max(), kLockPatience);
    if (taken && *taken == Seat::Refusal::kNone) seat.report(Reported::kExecuting);
}

}  // namespace remote_access
