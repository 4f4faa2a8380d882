// SPDX-License-Identifier: Apache-2.0
#include "sandbox/limits.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <string>

namespace remote_access {
namespace {

/// websocketpp reserves what a continuation frame announces, at most 1 GiB, and touches 64 KiB of
/// it. The process itself has 15 MiB (amd64); the rest is distance.
constexpr rlim_t kAddressSpace = (rlim_t{1024} + 128) * 1024 * 1024;

/// It has 8 to 10; while a certificate is looked up, one more.
constexpr rlim_t kDescriptors = 24;

template <class Resource>
Result<void> limit(Resource resource, rlim_t most, const char* name) {
    rlimit now{};
    ::getrlimit(resource, &now);
    if (now.rlim_max != RLIM_INFINITY && now.rlim_max < most) most = now.rlim_max;
    const rlimit wanted{most, most};
    if (::setrlimit(resource, &wanted) == 0) return {};
    return system_error("limit " + std::string(name), errno);
}

}  // namespace

Result<void> limit_forwarder(bool memory) {
    Result<void> all = limit(RLIMIT_CORE, 0, "CORE");
    if (all) all = limit(RLIMIT_NOFILE, kDescriptors, "NOFILE");
    if (all) all = limit(RLIMIT_NPROC, 0, "NPROC");
    if (all && memory) all = limit(RLIMIT_FSIZE, 0, "FSIZE");
    if (all && memory) all = limit(RLIMIT_AS, kAddressSpace, "AS");
    return all;
}

Result<void> limit_pump() { return limit(RLIMIT_NOFILE, 0, "NOFILE"); }

}  // namespace remote_access
