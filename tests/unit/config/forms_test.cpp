// SPDX-License-Identifier: Apache-2.0
#include "config/forms.hpp"

#include <doctest/doctest.h>

using namespace remote_access;

TEST_CASE("host:port is written with brackets around an IPv6 address") {
    CHECK(HostPort{"t.example.com", 443}.text() == "t.example.com:443");
    CHECK(HostPort{"10.0.0.1", 8443}.text() == "10.0.0.1:8443");
    CHECK(HostPort{"fd00::1", 443}.text() == "[fd00::1]:443");
}

TEST_CASE("host[:port] is read in every form of thin-edge, and IPv6 in brackets") {
    const struct {
        const char *text, *read;
    } cases[] = {
        {"tenant.cumulocity.com", "tenant.cumulocity.com:443"},
        {"Tenant.Cumulocity.COM", "tenant.cumulocity.com:443"},
        {"tenant.cumulocity.com:8443", "tenant.cumulocity.com:8443"},
        {"my_host", "my_host:443"},
        {"192.168.1.2", "192.168.1.2:443"},
        {"192.168.1.2:1234", "192.168.1.2:1234"},
        {"[fd00::1]", "[fd00::1]:443"},
        {"[FD00:0::1]:8443", "[fd00::1]:8443"},
        {"", ""},
        {":8080", ""},
        {"host:", ""},
        {"host:0", ""},
        {"host:65536", ""},
        {"host:80x", ""},
        {"host:+80", ""},
        {"host:8080:443", ""},
        {"::1", ""},
        {"fd00::1:443", ""},
        {"[fd00::1", ""},
        {"[:::1]:8080", ""},
        {"[10.0.0.1]", ""},
        {"[fd00::1]x", ""},
        {"ho st", ""},
        {"host/path", ""},
        {"user@host", ""},
        {".host", ""},
        {"a..b", ""},
        {"h\xc3\xb6st", ""},
    };
    for (const auto& row : cases) {
        CAPTURE(row.text);
        const auto read = parse_host_port(row.text, 443);
        CHECK((read ? read->text() : "") == row.read);
        CHECK(complaint(Form::kHostPort, row.text).empty() == read.has_value());
    }
}

TEST_CASE("A proxy is [http[s]://]host[:port]") {
    const struct {
        const char *text, *address;
        bool tls;
    } cases[] = {
        {"https://proxy-host:8000", "proxy-host:8000", true},
        {"https://proxy-host", "proxy-host:443", true},
        {"http://192.168.1.2", "192.168.1.2:80", false},
        {"HTTP://proxy:3128/", "proxy:3128", false},
        {"192.168.1.2", "192.168.1.2:80", false},
        {"192.168.1.2:8000", "192.168.1.2:8000", false},
        {"proxy:8000", "proxy:8000", false},
        {"http://[fd00::1]:3128", "[fd00::1]:3128", false},
        {"socks5://proxy:1080", "", false},
        {"http://", "", false},
        {"http://user:secret@proxy:3128", "", false},
        {"proxy:port", "", false},
    };
    for (const auto& row : cases) {
        CAPTURE(row.text);
        const auto proxy = parse_proxy(row.text);
        CHECK((proxy ? proxy->address.text() : "") == row.address);
        CHECK((proxy && proxy->tls) == row.tls);
        CHECK(complaint(Form::kProxy, row.text).empty() == proxy.has_value());
    }
}

TEST_CASE("A complaint says what the form is and never quotes the value") {
    const struct {
        Form form;
        const char *bad, *words;
    } cases[] = {
        {Form::kHost, "https://secret", "without a scheme"},
        {Form::kHost, "secret:8883", "without a port"},
        {Form::kHostPort, "https://secret", "without a scheme"},
        {Form::kBrokerHost, "sec ret", "host name or an address"},
        {Form::kPort, "0", "1 to 65535"},
        {Form::kPath, "", "empty"},
        {Form::kAuthMethod, "secret", "certificate, basic or auto"},
        {Form::kTopicPrefix, "", "without # and +"},
        {Form::kTopicPrefix, "secret/#", "without # and +"},
        {Form::kTopicPrefix, "c8y-internal", "without # and +"},
        {Form::kTopicRoot, "+", "without # and +"},
        {Form::kTopicId, "a/b/c/d/secret", "four segments"},
        {Form::kProxy, "http://user:secret@proxy", "proxy.password"},
    };
    for (const auto& row : cases) {
        CAPTURE(row.bad);
        const std::string said(complaint(row.form, row.bad));
        CHECK(said.find(row.words) != std::string::npos);
        CHECK(said.find("secret") == std::string::npos);
    }
    CHECK(complaint(Form::kBrokerHost, "::1").empty());
    CHECK(complaint(Form::kText, "").empty());
}

TEST_CASE("A profile's name is of letters, digits, - and _ with at least one of the former") {
    const struct {
        const char *text, *name;
    } cases[] = {{"prod", "prod"}, {"Prod-2_x", "prod-2_x"},
                 {"1", "1"},       {"", ""},
                 {"-_", ""},       {"a.b", ""},
                 {"a b", ""},      {"../x", ""}};
    for (const auto& row : cases) {
        CAPTURE(row.text);
        CHECK(parse_profile(row.text).value_or("") == row.name);
    }
}

TEST_CASE("Paths become absolute and topic identifiers get their four segments") {
    CHECK(absolute_path("/run/") == "/run");
    CHECK(absolute_path("/a/./b/../c") == "/a/c");
    CHECK(absolute_path("/") == "/");
    CHECK(absolute_path("x").front() == '/');
    CHECK(parse_topic_id("device/main//") == "device/main//");
    CHECK(parse_topic_id("device/main") == "device/main//");
    CHECK(parse_topic_id("factory01") == "factory01///");
}
