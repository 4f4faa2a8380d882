// SPDX-License-Identifier: Apache-2.0
#include "forwarder/carrier_bio.hpp"

#include <openssl/bio.h>

#include <memory>

namespace remote_access {
namespace {

Carrier& below_of(BIO* bio) { return *static_cast<Carrier*>(BIO_get_data(bio)); }

int bio_write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    Carrier& below = below_of(bio);
    const std::size_t taken = below.gather(bytes, static_cast<std::size_t>(size));
    if (taken > 0) return static_cast<int>(taken);
    if (!below.failed()) BIO_set_retry_write(bio);
    return -1;
}

int bio_read(BIO* bio, char* into, int room) {
    BIO_clear_retry_flags(bio);
    const Transfer got = below_of(bio).receive(into, static_cast<std::size_t>(room));
    if (got.moved()) return static_cast<int>(got.bytes);
    if (got.blocked()) BIO_set_retry_read(bio);
    return got.state == Transfer::State::kEnded ? 0 : -1;
}

long bio_control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_EOF) return below_of(bio).ended() ? 1 : 0;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

struct Free {
    void operator()(BIO_METHOD* method) const { BIO_meth_free(method); }
};
using Method = std::unique_ptr<BIO_METHOD, Free>;

/// One for the process. It holds no memory of a connection.
const BIO_METHOD* carrier_method() {
    static const Method method = [] {
        Method made(BIO_meth_new(BIO_TYPE_SOURCE_SINK, "carrier"));
        BIO_meth_set_write(made.get(), bio_write);
        BIO_meth_set_read(made.get(), bio_read);
        BIO_meth_set_ctrl(made.get(), bio_control);
        return made;
    }();
    return method.get();
}

}  // namespace

bio_st* carrier_bio(Carrier& below) {
    BIO* const bio = BIO_new(carrier_method());
    if (bio == nullptr) return nullptr;
    BIO_set_data(bio, &below);
    BIO_set_init(bio, 1);
    return bio;
}

}  // namespace remote_access
