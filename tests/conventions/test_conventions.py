"""Traps met before, as rules that a test checks. The rules and their reasons: rules.py."""

import warnings

import pytest

from . import rules
from .source import ROOT, Source, functions, sources

PRODUCT = sources('src', 'plugin')
EVERYTHING = PRODUCT + sources('tests/unit', 'tests/e2e', 'tests/fuzz', 'tests/bench')


def findings(rule, files) -> list[str]:
    return [f'{source.path}:{line}: {text}' for source in files for line, text in rule(source)]


def check(rule, files) -> None:
    broken = findings(rule, files)
    assert not broken, '\n'.join(broken) + f'\n\nWhy: {" ".join(rule.__doc__.split())}'


@pytest.mark.parametrize('rule', rules.PRODUCT_RULES, ids=lambda rule: rule.__name__)
def test_the_product_keeps_the_rule(rule):
    check(rule, PRODUCT)


@pytest.mark.parametrize('rule', rules.EVERY_FILE_RULES, ids=lambda rule: rule.__name__)
def test_every_file_keeps_the_rule(rule):
    check(rule, EVERYTHING)


def test_long_functions_are_mentioned():
    """Above 35 lines a function is due to be split: a warning, no failure."""
    for source in PRODUCT:
        for function in functions(source):
            if function.lines > rules.FUNCTION_LINES:
                warnings.warn(f'{source.path}:{function.line}: {function.name} has '
                              f'{function.lines} lines, more than {rules.FUNCTION_LINES}')


def test_the_rules_see_the_source():
    """A rule that looks at nothing passes always."""
    assert len(PRODUCT) > 20
    assert sum(1 for source in PRODUCT for _ in functions(source)) > 100
    assert sum(1 for source in PRODUCT for _ in source.includes()) > 100


def test_no_allowance_outlives_its_need():
    """An exception that nothing uses any more is an open door that nobody watches."""
    by_path = {source.path: source for source in PRODUCT}
    for path in rules.LONG_FILES:
        assert path in by_path and by_path[path].text.count('\n') > rules.FILE_LINES, path
    for prefix in rules.KNOWS_SEVERAL:
        assert any(path.startswith(prefix) for path in by_path), prefix
    for header in rules.VALUE_HEADERS:
        assert (ROOT / 'src' / header).exists(), header


# Each rule must be able to fail, and must not fail on what is right. (rule, path, text, findings)
SAMPLES = [
    (rules.includes_follow_the_journey, 'src/policy/a.cpp', '#include "session/messages.hpp"', 1),
    (rules.includes_follow_the_journey, 'src/policy/a.cpp', '#include "config/toml.hpp"', 1),
    (rules.includes_follow_the_journey, 'src/policy/a.cpp', '#include "../config/config.hpp"', 1),
    (rules.includes_follow_the_journey, 'src/policy/a.cpp', '#include "config.hpp"', 1),
    (rules.includes_follow_the_journey, 'src/base/a.cpp', '#include "config/config.hpp"', 1),
    (rules.includes_follow_the_journey, 'src/forwarder/a.cpp', '#include "session/launch.hpp"', 1),
    (rules.includes_follow_the_journey, 'src/session/seat.cpp',
     '#include "forwarder/forwarder.hpp"', 1),
    (rules.includes_follow_the_journey, 'src/unknown/a.cpp', '', 1),
    (rules.includes_follow_the_journey, 'src/policy/a.cpp',
     '#include "base/ip.hpp"\n#include "config/config.hpp"\n#include "policy/special.hpp"', 0),
    (rules.includes_follow_the_journey, 'src/policy/a.cpp',
     '// #include "session/seat.hpp"\n#include <session/seat.hpp>', 0),
    (rules.includes_follow_the_journey, 'src/session/session.cpp',
     '#include "forwarder/forwarder.hpp"', 0),
    (rules.includes_follow_the_journey, 'plugin/a.cpp', '#include "mqtt/client.hpp"', 0),

    (rules.one_library_one_file, 'src/base/log.cpp', '#include <rapidjson/reader.h>', 1),
    (rules.one_library_one_file, 'src/mqtt/client.hpp', '#  include <mqtt/async_client.h>', 1),
    (rules.one_library_one_file, 'src/mqtt/status.cpp', '#include <MQTTAsync.h>', 1),
    (rules.one_library_one_file, 'src/config/config.hpp', '#include <toml++/toml.h>', 1),
    (rules.one_library_one_file, 'src/forwarder/pump.cpp', '#include <openssl/ssl.h>', 1),
    (rules.one_library_one_file, 'src/forwarder/pump.cpp', '#include <websocketpp/close.hpp>', 1),
    (rules.one_library_one_file, 'plugin/main.cpp', '#include <CLI/CLI.hpp>', 1),
    (rules.one_library_one_file, 'src/mqtt/connection.cpp', '#include "mqtt/client.hpp"', 0),
    (rules.one_library_one_file, 'src/base/json.cpp', '#include <rapidjson/reader.h>', 0),

    (rules.the_world_is_read_once, 'src/base/log.cpp', 'auto a = std::getenv("A");', 1),
    (rules.the_world_is_read_once, 'src/session/launch.cpp', 'auto a = getenv("A");', 1),
    (rules.the_world_is_read_once, 'src/base/log.cpp', 'extern char** environ;', 1),
    (rules.the_world_is_read_once, 'src/base/log.cpp', 'if (bad) std::exit(1);', 1),
    (rules.the_world_is_read_once, 'src/forwarder/pump.cpp', '::_exit(0);', 1),
    (rules.the_world_is_read_once, 'src/session/launch.cpp', '::_exit(0);', 0),
    (rules.the_world_is_read_once, 'plugin/main.cpp', 'getenv("A"); ::_exit(0);', 0),
    (rules.the_world_is_read_once, 'src/a.cpp',
     'loop.exit(); // exit()\nauto text = "getenv("; on_exit();', 0),

    (rules.one_place_forks, 'src/session/seat.cpp', 'pid_t pid = ::fork();', 1),
    (rules.one_place_forks, 'plugin/main.cpp', 'if (fork() == 0) return 0;', 1),
    (rules.one_place_forks, 'src/session/approval.cpp', 'std::system("true");', 1),
    (rules.one_place_forks, 'src/session/approval.cpp', '::execve(a, b, c);', 1),
    (rules.one_place_forks, 'src/session/a.cpp', 'syscall(SYS_clone3, &a, sizeof a);', 1),
    (rules.one_place_forks, 'src/session/launch.cpp', 'pid_t pid = ::fork();', 0),
    (rules.one_place_forks, 'src/session/a.cpp',
     'io.notify_fork(asio::fork_child); Secret s = key.clone(); // fork()', 0),

    (rules.secrets_are_not_spoken, 'src/session/a.cpp', 'log::info("x " + text.reveal());', 1),
    (rules.secrets_are_not_spoken, 'src/session/a.cpp', 'log::debug(f(request.key));', 1),
    (rules.secrets_are_not_spoken, 'src/session/a.cpp',
     'return Error{Fault::kToken,\n    {},\n    "got " + jwt};', 1),
    (rules.secrets_are_not_spoken, 'src/mqtt/a.cpp', 'return Error{Fault::kToken, token_, {}};', 1),
    (rules.secrets_are_not_spoken, 'src/operation/a.cpp', 'return payload_error("bad " + key);', 1),
    (rules.secrets_are_not_spoken, 'src/config/a.cpp', 'log::warn(login->reveal());', 1),
    (rules.secrets_are_not_spoken, 'src/operation/a.cpp', 'payload_error(key.substr(0, 9));', 1),
    (rules.secrets_are_not_spoken, 'src/mqtt/a.cpp',
     'end(Error{Fault::kBroker, subject_, words(token.get_return_code())});', 0),
    (rules.secrets_are_not_spoken, 'src/config/a.cpp', 'return Error{f, path, key + " bad"};', 0),
    (rules.secrets_are_not_spoken, 'src/operation/a.cpp',
     'return placed("key: ", key.error());', 0),
    (rules.secrets_are_not_spoken, 'src/session/a.cpp',
     'log::info("the key (token)"); // log::info(key)\nsend(key.reveal());', 0),

    (rules.headers_import_no_namespace, 'src/base/a.hpp', 'using namespace std;', 1),
    (rules.headers_import_no_namespace, 'src/base/a.hpp', 'namespace fs = std::filesystem;', 0),
    (rules.headers_import_no_namespace, 'src/base/a.cpp', 'using namespace std::chrono;', 0),

    (rules.files_begin_as_agreed, 'src/base/a.cpp', '#include <string>\n', 1),
    (rules.files_begin_as_agreed, 'src/base/a.hpp', '// SPDX-License-Identifier: MIT\n', 2),
    (rules.files_begin_as_agreed, 'src/base/a.hpp',
     '// SPDX-License-Identifier: Apache-2.0\n// #pragma once\n', 1),
    (rules.files_begin_as_agreed, 'src/base/a.hpp',
     '// SPDX-License-Identifier: Apache-2.0\n// Why.\n#pragma once\n', 0),

    (rules.asynchronous_captures_are_named, 'src/session/a.cpp', 'timer.async_wait([&] { f(); });', 1),
    (rules.asynchronous_captures_are_named, 'src/forwarder/a.cpp',
     'post(io, [=](int a) { f(a); });', 1),
    (rules.asynchronous_captures_are_named, 'src/forwarder/a.cpp', 'post(io, [&, a] { f(a); });', 1),
    (rules.asynchronous_captures_are_named, 'src/session/a.cpp',
     'timer.async_wait([weak, &a](int) { f(); });', 0),
    (rules.asynchronous_captures_are_named, 'src/session/a.cpp',
     'std::any_of(a.begin(), a.end(), [&](int b) { return b == c; });', 0),
    (rules.asynchronous_captures_are_named, 'src/session/a.cpp',
     'return launch("name", keep, [&](Fd channel) { return run(channel); });', 0),

    (rules.files_are_short, 'src/base/a.cpp', 'int a;\n' * 251, 1),
    (rules.files_are_short, 'src/base/a.cpp', 'int a;\n' * 250, 0),

    (rules.functions_are_short, 'src/base/a.cpp', 'int f(int a) {\n' + 'g();\n' * 59 + '}\n', 1),
    (rules.functions_are_short, 'src/base/a.cpp', 'int f(int a) {\n' + 'g();\n' * 58 + '}\n', 0),
    (rules.functions_are_short, 'src/base/a.cpp',
     'A::A(int a) : a_(a), b_{1} {\n' + 'if (a) {\ng();\n}\n' * 20 + '}\n', 1),
    (rules.functions_are_short, 'src/base/a.hpp',
     'namespace {\nclass A {\nint f() const noexcept {\n' + '// why\n' * 60 + '}\n};\n}\n', 1),
    (rules.functions_are_short, 'src/base/a.cpp',
     'namespace {\nconstexpr std::array kRows{\n' + 'Row{f(1), "x"},\n' * 90 + '};\n}\n', 0),
]


@pytest.mark.parametrize('rule, path, text, count', SAMPLES,
                         ids=lambda value: getattr(value, '__name__', None) or '')
def test_the_rule_tells_right_from_wrong(rule, path, text, count):
    assert len(list(rule(Source(path, text)))) == count


def test_every_rule_has_a_reason_and_a_sample_that_breaks_it():
    for rule in rules.PRODUCT_RULES + rules.EVERY_FILE_RULES:
        assert rule.__doc__, rule.__name__
        assert any(sample[0] is rule and sample[3] > 0 for sample in SAMPLES), rule.__name__


def test_strings_comments_and_digit_separators_are_told_apart():
    text = 'a("/*"); // "x\nb(R"x(")" key)x"); c = 1\'000; d = \'"\'; e();\n'
    code = Source('a.cpp', text).code
    assert 'key' not in code
    assert 'e();' in code
    assert code.count('\n') == text.count('\n')
