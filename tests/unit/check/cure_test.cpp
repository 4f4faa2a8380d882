// SPDX-License-Identifier: Apache-2.0
#include "check/cure.hpp"

#include <doctest/doctest.h>

using namespace remote_access;

TEST_CASE("what an error says in brackets at its end is the cure") {
    const Step step = problem("tcp", Error{Fault::kCloudRefused, "cloud:443", {}}, {});
    CHECK(step.status == Step::Status::kProblem);
    CHECK(step.text == "cloud cloud:443: connection refused");
    CHECK(step.cure == "Check c8y.http.");
}

TEST_CASE("a question stays one, and brackets within a cure belong to it") {
    CHECK(problem("target", Error{Fault::kTargetRefused, "t:22", {}}, {}).cure ==
          "Is the service running?");
    const Error nested{Fault::kSystem, {}, "no (look at a (b) or c)"};
    CHECK(problem("socket", nested, {}).text == "device error: no");
    CHECK(problem("socket", nested, {}).cure == "Look at a (b) or c.");
}

TEST_CASE("an error without a cure gets the one that is given") {
    const Error bare{Fault::kSystem, {}, "fork: no memory"};
    CHECK(problem("dns", bare, {}, "restart it").text == "device error: fork: no memory");
    CHECK(problem("dns", bare, {}, "restart it").cure == "Restart it.");
    CHECK(problem("dns", bare, {}).cure.empty());
    const Error cut{Fault::kSystem, {}, "no) way ("};
    CHECK(problem("socket", cut, {}, "x").cure == "X.");
}

TEST_CASE("each setting in a cure is followed by the place where it is set") {
    const Places places{{"c8y.http", "/etc/tedge/tedge.toml:3"},
                        {"c8y.root_cert_path", "TEDGE_C8Y_ROOT_CERT_PATH"},
                        {"mqtt.client.host", "a:1"},
                        {"mqtt.client.port", "a:2"}};
    CHECK(cure_text("check c8y.http and the DNS", places) ==
          "Check c8y.http (/etc/tedge/tedge.toml:3) and the DNS.");
    CHECK(cure_text("check c8y.root_cert_path and c8y.http", places) ==
          "Check c8y.root_cert_path (TEDGE_C8Y_ROOT_CERT_PATH) and c8y.http "
          "(/etc/tedge/tedge.toml:3).");
    CHECK(cure_text("check mqtt.client.* and the broker", places) ==
          "Check mqtt.client.* (mqtt.client.host in a:1, mqtt.client.port in a:2) and the broker.");
    CHECK(cure_text("c8y.http is wrong.", places) ==
          "c8y.http (/etc/tedge/tedge.toml:3) is wrong.");
}

TEST_CASE("part of a longer name is not that setting") {
    const Places places{{"http", "x:1"}, {"c8y.url", "x:2"}};
    CHECK(cure_text("check c8y.http and c8y.urls", places) == "Check c8y.http and c8y.urls.");
    CHECK(cure_text("check mqtt.client.*", places) == "Check mqtt.client.*.");
    CHECK(cure_text("", places).empty());
}
