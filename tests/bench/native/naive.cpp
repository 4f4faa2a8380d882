// SPDX-License-Identifier: Apache-2.0
// The naive way, for comparison: websocketpp with its own Asio transport, used as its examples do.
//   bench-naive CLOUD_PORT PATH CA_FILE TARGET_PORT
#include <array>
#include <asio.hpp>
#include <asio/impl/src.hpp>
#include <asio/ssl.hpp>
#include <asio/ssl/impl/src.hpp>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <websocketpp/client.hpp>
#include <websocketpp/config/asio_client.hpp>

namespace {

using Endpoint = websocketpp::client<websocketpp::config::asio_tls_client>;
using Handle = websocketpp::connection_hdl;
using Tcp = asio::ip::tcp;
using Failure = websocketpp::lib::error_code;

/// The only brake there is: it counts what websocketpp has not yet handed to its socket.
constexpr std::size_t kMostBuffered = 1024 * 1024;

class Tunnel {
public:
    Tunnel(std::string ca_file, std::uint16_t target_port)
        : ca_file_(std::move(ca_file)), target_port_(target_port) {}

    void run(const std::string& address) {
        cloud_.clear_access_channels(websocketpp::log::alevel::all);
        cloud_.clear_error_channels(websocketpp::log::elevel::all);
        cloud_.init_asio(&io_);
        cloud_.set_tls_init_handler([this](Handle) { return make_context(); });
        cloud_.set_open_handler([this](Handle) { read_target(); });
        cloud_.set_fail_handler([](Handle) { std::exit(1); });
        cloud_.set_close_handler([this](Handle) { target_.close(); });
        cloud_.set_message_handler([this](Handle, Endpoint::message_ptr message) {
            to_target_.push_back(message->get_payload());
            if (to_target_.size() == 1) write_target();
        });
        target_.connect({asio::ip::address_v4::loopback(), target_port_});
        target_.set_option(Tcp::no_delay(true));
        Failure error;
        connection_ = cloud_.get_connection(address, error);
        connection_->add_subprotocol("binary");
        cloud_.connect(connection_);
        io_.run();
    }

private:
    std::shared_ptr<asio::ssl::context> make_context() const {
        auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
        context->load_verify_file(ca_file_);
        context->set_verify_mode(asio::ssl::verify_peer);
        return context;
    }
    void read_target() {
        if (connection_->get_buffered_amount() > kMostBuffered) {
            pause_.expires_after(std::chrono::milliseconds(1));
            pause_.async_wait([this](const asio::error_code&) { read_target(); });
            return;
        }
        target_.async_read_some(
            asio::buffer(from_target_), [this](const asio::error_code& error, std::size_t size) {
                if (error) return close();
                connection_->send(from_target_.data(), size, websocketpp::frame::opcode::binary);
                read_target();
            });
    }
    void write_target() {
        asio::async_write(target_, asio::buffer(to_target_.front()),
                          [this](const asio::error_code& error, std::size_t) {
                              if (error) return close();
                              to_target_.pop_front();
                              if (!to_target_.empty()) write_target();
                          });
    }
    void close() {
        Failure ignored;
        connection_->close(websocketpp::close::status::normal, {}, ignored);
    }

    std::string ca_file_;
    std::uint16_t target_port_;
    asio::io_context io_;
    Endpoint cloud_;
    Endpoint::connection_ptr connection_;
    Tcp::socket target_{io_};
    asio::steady_timer pause_{io_};
    std::array<char, 16 * 1024> from_target_{};
    std::deque<std::string> to_target_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::fputs("bench-naive CLOUD_PORT PATH CA_FILE TARGET_PORT\n", stderr);
        return 2;
    }
    Tunnel tunnel(argv[3], static_cast<std::uint16_t>(std::atoi(argv[4])));
    tunnel.run(std::string("wss://127.0.0.1:") + argv[1] + argv[2]);
}
