// SPDX-License-Identifier: Apache-2.0
#include "check/cloud_text.hpp"

#include <charconv>

namespace remote_access {
namespace {

constexpr const char* kTls = "tls";
constexpr const char* kUpgrade = "upgrade";

bool says(const Error& error, const char* part) {
    return error.detail.find(part) != std::string::npos;
}

/// 0 for what is no HTTP status that refuses.
int status_of(const Error& error) {
    int status = 0;
    if (error.fault == Fault::kCloudStatus)
        std::from_chars(error.detail.data(), error.detail.data() + error.detail.size(), status);
    return status;
}

}  // namespace

Step tls_step(const Result<std::string>& done, const Handshake& handshake, const Places& places) {
    std::string trusted = "trusted is what the system trusts and";
    for (const std::string& path : handshake.trust) trusted += " " + path;
    if (done) return ok(kTls, *done + "; certificate " + handshake.certificate + "; " + trusted);
    const Error& error = done.error();
    Step step = problem(kTls, error, places);
    if (error.fault != Fault::kCloudUntrusted) return step;
    if (!handshake.certificate.empty()) step.text += "; it is " + handshake.certificate;
    if (says(error, "mismatch")) {
        step.cure = cure_text("set c8y.http to a name that the certificate is for", places);
    } else if (says(error, "expired") || says(error, "not yet valid")) {
        step.text += "; this device's clock says " + handshake.clock;
        step.cure =
            "Set the device's clock if it is wrong; else the cloud needs another certificate.";
    } else {
        step.text += "; " + trusted;
        for (const std::string& note : handshake.trust_notes) step.text += "; " + note;
    }
    return step;
}

Step upgrade_step(const Result<std::string>& answer, const Places& places) {
    if (answer) return ok(kUpgrade, "the service answers with HTTP " + *answer);
    const Error& error = answer.error();
    const int status = status_of(error);
    if (status == 0) return problem(kUpgrade, error, places);
    const std::string who = "cloud " + error.subject + ": ";
    if (status == 403)
        return problem(kUpgrade, who + "login refused with HTTP " + error.detail,
                       "May the device's user use Cloud Remote Access, and has the tenant "
                       "subscribed to it?");
    if (status == 404 && says(error, ": <"))
        return warning(kUpgrade, who + "a web page answers: HTTP " + error.detail,
                       cure_text("check that c8y.http is the tenant's address, not another web "
                                 "server's",
                                 places));
    if (status >= 400 && status < 500 && status != 429)
        return ok(kUpgrade,
                  "the service answers; a key that no operation has gets HTTP " + error.detail);
    return problem(kUpgrade, who + "answers with HTTP " + error.detail,
                   status >= 429 ? "It is the cloud's own trouble: try again later."
                                 : cure_text("check c8y.http", places));
}

}  // namespace remote_access
