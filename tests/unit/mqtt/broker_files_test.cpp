// SPDX-License-Identifier: Apache-2.0
#include "mqtt/broker_files.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

using namespace remote_access;

namespace {

const std::string kOne = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const std::string kTwo = "-----BEGIN CERTIFICATE-----\nBBBB\n-----END CERTIFICATE-----\n";
const std::string kKey = "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n";

}  // namespace

TEST_CASE("Only whole certificates are taken, never a private key beside them") {
    CHECK(certificates_in(kKey + "x" + kOne + kKey + "# note\n" + kTwo) == kOne + kTwo);
    CHECK(certificates_in(kKey).empty());
    CHECK(certificates_in("-----BEGIN CERTIFICATE-----\nAAAA").empty());
    CHECK(certificates_in(kOne + "-----BEGIN CERTIFICATE-----\nAAAA") == kOne);
    CHECK(certificates_in("").empty());
}

TEST_CASE("What is configured is put together; nothing configured is no TLS") {
    char name[] = "/tmp/broker-trust-XXXXXX";
    const std::string folder = ::mkdtemp(name);
    std::ofstream(folder + "/b.pem") << kTwo;
    std::ofstream(folder + "/c.txt") << kKey;
    std::ofstream(folder + "/a") << kOne;
    BrokerConfig broker;
    CHECK(*broker_certificates(broker) == "");
    broker.ca_file = folder + "/a";
    CHECK(*broker_certificates(broker) == kOne);
    broker.ca_dir = folder;
    CHECK(*broker_certificates(broker) == kOne + kTwo);
    broker.ca_file = folder + "/missing";
    const auto missing = broker_certificates(broker);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().fault == Fault::kBroker);
    CHECK(missing.error().detail == "mqtt.client.auth.ca_file " + folder +
                                        "/missing: cannot be read: No such file or "
                                        "directory");
    std::filesystem::remove_all(folder);
}

TEST_CASE("A file in memory can be read by its path under /proc") {
    const auto file = file_in_memory(kOne);
    REQUIRE(file);
    CHECK(*read_file("/proc/self/fd/" + std::to_string(file->get())) == kOne);
}
