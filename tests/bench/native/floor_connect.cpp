// SPDX-License-Identifier: Apache-2.0
#include "floor_connect.hpp"

#include "net.hpp"

namespace bench {

SSL* connect_cloud(int fd, const char* ca_file) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    if (SSL_CTX_load_verify_file(context, ca_file) != 1) die("CA file");
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, kBatch);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE);
    SSL* ssl = SSL_new(context);
    SSL_CTX_free(context);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1");
    SSL_set_fd(ssl, fd);
    if (SSL_connect(ssl) != 1) die("TLS");
    return ssl;
}

std::string upgrade(SSL* ssl, const std::string& path) {
    const std::string request = "GET " + path +
                                " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                                "Sec-WebSocket-Protocol: binary\r\n\r\n";
    SSL_write(ssl, request.data(), static_cast<int>(request.size()));
    std::string answer;
    while (answer.find("\r\n\r\n") == std::string::npos) {
        char some[4096];
        const int got = SSL_read(ssl, some, sizeof some);
        if (got <= 0) die("upgrade");
        answer.append(some, static_cast<std::size_t>(got));
    }
    if (answer.compare(0, 12, "HTTP/1.1 101") != 0) die("upgrade refused");
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

}  // namespace bench
