// SPDX-License-Identifier: Apache-2.0
// A Carrier as OpenSSL reads and writes it.
#pragma once

#include "forwarder/carrier.hpp"

struct bio_st;

namespace remote_access {

/// Has no memory of its own and must not outlive `below`. Nothing: OpenSSL has no memory.
bio_st* carrier_bio(Carrier& below);

}  // namespace remote_access
