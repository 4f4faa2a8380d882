// SPDX-License-Identifier: Apache-2.0
#include "forwarder/tcp.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace remote_access {

Milliseconds acknowledgement_age(int descriptor) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return Milliseconds(0);
    const bool owed = info.tcpi_unacked > 0 || info.tcpi_probes > 0;
    return Milliseconds(owed ? info.tcpi_last_ack_recv : 0);
}

std::size_t unacknowledged_bytes(int descriptor) {
    int bytes = 0;
    return ::ioctl(descriptor, SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool is_lost(int descriptor) {
    tcp_info info{};
    socklen_t size = sizeof info;
    return ::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
           info.tcpi_state == TCP_CLOSE;
}

void lift_user_timeout(int descriptor) {
    const unsigned none = 0;
    ::setsockopt(descriptor, IPPROTO_TCP, TCP_USER_TIMEOUT, &none, sizeof none);
}

}  // namespace remote_access
