// SPDX-License-Identifier: Apache-2.0
#include "check/cloud_text.hpp"

#include <doctest/doctest.h>

using namespace remote_access;

namespace {

const Places kPlaces{{"c8y.http", "t.toml:3"}, {"c8y.root_cert_path", "t.toml:4"}};

Step answered(Fault fault, const std::string& detail) {
    return upgrade_step(Error{fault, "cloud:443", detail}, kPlaces);
}

const Handshake kHandshake{"for other.test; issued by X",
                           {"/etc/ca.pem"},
                           {"no certificate can be read from /etc/ca.pem"},
                           "2026-11-24T03:00:00.000Z"};

Step distrusted(const std::string& why) {
    return tls_step(Error{Fault::kCloudUntrusted, "cloud:443", why}, kHandshake, kPlaces);
}

}  // namespace

TEST_CASE("any answer of a service for devices is fine, but a refused login is not") {
    struct Row {
        const char* status;
        Step::Status expected;
    };
    constexpr auto kOk = Step::Status::kOk, kProblem = Step::Status::kProblem;
    for (const Row& row :
         {Row{"404 Not Found", kOk}, Row{"400 Bad Request", kOk}, Row{"410 Gone", kOk},
          Row{"403 Forbidden", kProblem}, Row{"429 Too Many Requests", kProblem},
          Row{"503 Service Unavailable", kProblem}, Row{"200 OK", kProblem},
          Row{"302 Found", kProblem}, Row{"999", kProblem}}) {
        CAPTURE(row.status);
        const Step step = answered(Fault::kCloudStatus, row.status);
        CHECK(step.status == row.expected);
        CHECK(step.text.find(row.status) != std::string::npos);
        CHECK(step.cure.empty() == (row.expected == kOk));
    }
    CHECK(upgrade_step(std::string("101"), kPlaces).status == kOk);
    CHECK(answered(Fault::kCloudUnauthorized, "401 Unauthorized").text ==
          "cloud cloud:443: login refused with HTTP 401 Unauthorized");
    CHECK(answered(Fault::kCloudAnswer, "404 lines of junk").status == kProblem);
    CHECK(answered(Fault::kCloudStatus, "302 Found").cure == "Check c8y.http (t.toml:3).");
}

TEST_CASE("a web page at the service's path is another server's, perhaps") {
    const Step page = answered(Fault::kCloudStatus, "404 Not Found: <!DOCTYPE html><h1>nginx");
    CHECK(page.status == Step::Status::kWarning);
    CHECK(page.text ==
          "cloud cloud:443: a web page answers: HTTP 404 Not Found: <!DOCTYPE "
          "html><h1>nginx");
    CHECK(page.cure ==
          "Check that c8y.http (t.toml:3) is the tenant's address, not another web server's.");
    CHECK(answered(Fault::kCloudStatus, "404 Not Found: {\"error\":\"x\"}").status ==
          Step::Status::kOk);
}

TEST_CASE("a certificate for another name is told with its names") {
    const Step step = distrusted("hostname mismatch");
    CHECK(step.text.find("it is for other.test; issued by X") != std::string::npos);
    CHECK(step.cure == "Set c8y.http (t.toml:3) to a name that the certificate is for.");
}

TEST_CASE("a certificate out of its time is told with this device's clock") {
    for (const char* why : {"certificate has expired", "certificate is not yet valid"}) {
        CHECK(distrusted(why).text.find("clock says 2026-11-24T03") != std::string::npos);
        CHECK(distrusted(why).cure.find("clock") != std::string::npos);
    }
}

TEST_CASE("an unknown authority is told with what is trusted and what cannot be read of it") {
    const Step step = distrusted("unable to get local issuer certificate");
    CHECK(step.text.find("system trusts and /etc/ca.pem; no certificate can be read from") !=
          std::string::npos);
    CHECK(step.cure == "Check c8y.root_cert_path (t.toml:4) and the clock.");
}

TEST_CASE("a good handshake is told with its certificate and what is trusted") {
    const Step step = tls_step(std::string("TLSv1.3, X"), kHandshake, kPlaces);
    CHECK(step.status == Step::Status::kOk);
    CHECK(step.text ==
          "TLSv1.3, X; certificate for other.test; issued by X; trusted is what the system trusts "
          "and /etc/ca.pem");
}

TEST_CASE("a handshake that failed otherwise says nothing of trust") {
    const Step step =
        tls_step(Error{Fault::kCloudTls, "cloud:443", "wrong version number"}, kHandshake, kPlaces);
    CHECK(step.text == "cloud cloud:443: TLS failed: wrong version number");
}
