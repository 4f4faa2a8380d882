// SPDX-License-Identifier: Apache-2.0
#include "session/seat.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <thread>

#include "base/json.hpp"
#include "base/time.hpp"
#include "session/run_folder.hpp"

namespace remote_access {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::string_view kSuffix = ".seat";
constexpr Milliseconds kPatience{1'000};

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

json::Value read_first_page(int fd) {
    std::string page(kPage, '\0');
    const ssize_t size = ::pread(fd, page.data(), page.size(), 0);
    if (size <= 0) return {};
    page.resize(page.find('\0') == std::string::npos ? static_cast<std::size_t>(size)
                                                     : page.find('\0'));
    Result<json::Value> value = json::parse(page);
    return value ? std::move(*value) : json::Value();
}

struct Others {
    int taken = 0;
    bool same_key = false;
};

/// Counts the living and removes what crashes left; under the folder's lock.
Others look_around(const std::string& folder, const ConnectRequest& request) {
    Others others;
    const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(folder.c_str()), ::closedir);
    if (!listing) return others;
    while (const dirent* entry = ::readdir(listing.get())) {
        const std::string_view name = entry->d_name;
        if (name.size() <= kSuffix.size() || name.substr(name.size() - kSuffix.size()) != kSuffix)
            continue;
        const std::string path = folder + "/" + std::string(name);
        const Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
        if (!file) continue;
        if (try_lock(file.get())) {
            ::unlink(path.c_str());
            continue;
        }
        ++others.taken;
        const json::Value seat = read_first_page(file.get());
        const std::string hash = salted_hash(seat.text_at("salt"), request.key.reveal());
        const std::string_view theirs = seat.text_at("key_hash");
        if (!hash.empty() && hash.size() == theirs.size() &&
            CRYPTO_memcmp(hash.data(), theirs.data(), hash.size()) == 0)
            others.same_key = true;
    }
    return others;
}

}  // namespace

Seat::~Seat() {
    leave();
    if (counters_ != &own_) ::munmap(counters_, sizeof(Counters));
}

void Seat::leave() {
    if (!path_.empty()) ::unlink(path_.c_str());
    path_.clear();
}

Result<Seat::Refusal> Seat::take(const std::string& folder, const ConnectRequest& request,
                                 int limit) {
    const Result<Fd> lock = open_lock(folder, "seats.lock");
    if (!lock) return lock.error();
    const Deadline deadline = Deadline::in(kPatience);
    while (!try_lock(lock->get())) {
        if (deadline.over())
            return Error{Fault::kSystem, {}, folder + "/seats.lock: held too long"};
        std::this_thread::sleep_for(Milliseconds(1));
    }
    const Others others = look_around(folder, request);
    if (others.same_key) return Refusal::kDuplicate;
    if (others.taken >= limit) return Refusal::kLimit;
    const Result<void> created = create(folder, request);
    if (!created) return created.error();
    return Refusal::kNone;
}

Result<void> Seat::create(const std::string& folder, const ConnectRequest& request) {
    id_ = random_hex(4);
    const std::string path = folder + "/" + id_ + std::string(kSuffix);
    file_ = Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file_) return system_error(path, errno);
    path_ = path;
    const std::string salt = random_hex(16);
    const json::Value info(json::Object{
        {"id", id_},
        {"operation", request.operation.id},
        {"target", request.target()},
        {"since", utc_timestamp(std::chrono::system_clock::now())},
        {"pid", std::int64_t{::getpid()}},
        {"salt", salt},
        {"key_hash", salted_hash(salt, request.key.reveal())},
    });
    const std::string text = json::write(info);
    // Written, not truncated to size: a full disk must show here and not as SIGBUS in the mapping.
    std::string pages = text;
    pages.resize(2 * kPage, '\0');
    if (!try_lock(file_.get()) ||
        ::pwrite(file_.get(), pages.data(), pages.size(), 0) != static_cast<ssize_t>(pages.size()))
        return system_error(path, errno != 0 ? errno : ENOSPC);
    void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), kPage);
    if (page == MAP_FAILED) return system_error(path, errno);
    counters_ = new (page) Counters();
    return {};
}

}  // namespace remote_access
