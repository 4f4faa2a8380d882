// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <doctest/doctest.h>

using namespace remote_access;

TEST_CASE("Of RUST_LOG the level is taken that names this program, else the one that names none") {
    const struct {
        const char* filter;
        const char* level;  // "": none
    } cases[] = {
        {"", ""},
        {"debug", "debug"},
        {"DEBUG", "debug"},
        {"loud", ""},
        {"off", ""},
        {"info,c8y_remote_access_connect=trace", "trace"},
        {"c8y_remote_access_connect=trace,info", "trace"},
        {"c8y_remote_access_plugin=debug", "debug"},
        {"c8y_remote_access_plugin=debug,c8y_remote_access_connect=warn", "warn"},
        {"c8y_remote_access_connect=loud,c8y_remote_access_plugin=debug,warn", "debug"},
        {"tedge_mapper=trace", ""},
        {"tedge_mapper=trace,warn", "warn"},
        {"rumqttc[span]=trace,hyper::client=debug,error", "error"},
        {"info,debug", "debug"},
        {",,=,a=,=debug,", ""},
        {"c8y_remote_access_connect", ""},
    };
    for (const auto& row : cases) {
        CAPTURE(row.filter);
        const auto level = log::level_from_filter(row.filter);
        CHECK((level ? log::level_name(*level) : "") == row.level);
    }
}
