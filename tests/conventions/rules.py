"""The rules that the source keeps. Each takes one Source and yields what breaks it; its docstring
is the reason and becomes the message of the failed test."""

import re
from typing import Iterator

from .source import Source, functions

Finding = tuple[int, str]

STATIONS = ['base', 'config', 'operation', 'policy', 'mqtt', 'session', 'sandbox', 'forwarder',
            'audit', 'check',
            # Before the first journey, but it may know what all of them are configured with.
            'setup']

# What another station may know of a station: its values, and what acts on its own behalf.
VALUE_HEADERS = {
    'config/config.hpp',
    'operation/request.hpp',
    'policy/policy.hpp',
    'mqtt/status.hpp',
    'session/channel.hpp',
    'session/counters.hpp',
    'session/messages.hpp',
    'session/stop_signal.hpp',
    'sandbox/sandbox.hpp',
}

# Path prefix -> why it may know several stations.
KNOWS_SEVERAL = {
    'plugin/': 'one function per command reads top to bottom and puts the stations together',
    'src/session/session': 'the session process: asks the policy, starts the forwarder',
    'src/session/supervisor': 'the life of one session',
    'src/check/probe_': 'asks each station by its own code, as a session would',
    'src/session/caller': 'publishes the final status when the plugin is gone',
}

# Pattern of the include -> the files that may have it.
LIBRARIES = {
    r'<rapidjson/': {'src/base/json.cpp'},
    r'<toml': {'src/config/toml.cpp'},
    r'<(mqtt/|MQTT)': {'src/mqtt/client.cpp'},
    r'<websocketpp/': {'src/forwarder/websocket.cpp'},
    r'<CLI/': {'plugin/invocation.cpp'},
    r'<seccomp': {'src/sandbox/seccomp.cpp'},
    r'<systemd/': set(),  # nothing needs it yet
    r'<openssl/': {
        'src/forwarder/carrier_bio.cpp',
        'src/forwarder/certificate.cpp',  # its names and dates in words
        'src/forwarder/tls.cpp',
        'src/forwarder/tls_context.cpp',
        'src/config/credentials.cpp',  # Base64 of the Basic login
        'src/session/seat.cpp',        # salted hash of the key
    },
    r'<asio/impl/': {'src/session/asio.cpp'},
}

PROCESS_ENTRY = 'src/session/launch.cpp'

# File -> why it may be longer than 250 lines.
LONG_FILES: dict[str, str] = {
    'src/forwarder/pump.cpp': 'one state machine, read in one piece',
    'src/forwarder/websocket.cpp': 'the only file with websocketpp: its types, its traps',
}
FILE_LINES, FUNCTION_LINES, FUNCTION_LINES_AT_MOST = 250, 35, 60


def includes_follow_the_journey(source: Source) -> Iterator[Finding]:
    """The folders stand in the order in which an operation travels them. A station knows base/ and
    the value types of the stations before it, so that it can be read, tested and fuzzed alone; only
    plugin/, session/session and session/supervisor put several together (src/README.md)."""
    if any(source.path.startswith(prefix) for prefix in KNOWS_SEVERAL):
        return
    own = STATIONS.index(source.folder) if source.folder in STATIONS else -1
    if own < 0:
        yield 1, f'{source.folder}/ is no station: add it to STATIONS'
        return
    for line, target in source.includes():
        if target.startswith('<'):
            continue
        header = target.strip('"')
        station = header.split('/')[0]
        if '..' in header or station not in STATIONS:
            yield line, f'{header}: write it from src/, beginning with its station'
        elif STATIONS.index(station) > own:
            yield line, f'{header} belongs to a later station'
        elif station not in ('base', source.folder) and header not in VALUE_HEADERS:
            yield line, f'{header} is no value type of its station'


def one_library_one_file(source: Source) -> Iterator[Finding]:
    """A third-party library is included in its adapter and nowhere else, never in a header: what it
    throws, allocates or redefines stays behind one door, and replacing it touches one file."""
    for line, target in source.includes():
        for pattern, allowed in LIBRARIES.items():
            if re.match(pattern, target) and source.path not in allowed:
                yield line, f'{target} belongs into {", ".join(sorted(allowed)) or "no file"}'


def the_world_is_read_once(source: Source) -> Iterator[Finding]:
    """Environment and argv become a value in plugin/, once; after that nobody reads them, so a
    session behaves the same whoever started it. And nobody but a process's entry ends the process:
    an exit in the depth leaves an operation EXECUTING for ever."""
    if source.path.startswith('plugin/'):
        return
    for line, match in source.find(r'\b(secure_getenv|getenv|setenv|unsetenv|putenv|environ)\b'):
        yield line, f'{match[1]} outside plugin/'
    if source.path == PROCESS_ENTRY:
        return
    for line, match in source.find(
            r'(?<![\w.>])(_exit|_Exit|exit|quick_exit|abort|terminate)\s*\('):
        yield line, f'{match[1]} outside plugin/ and {PROCESS_ENTRY}'


def one_place_forks(source: Source) -> Iterator[Finding]:
    """A process is forked while it has one thread, no io_context, no TLS context and no MQTT client,
    and its child leaves the caller's pipes first: launch.cpp does all of it, in that order."""
    if source.path == PROCESS_ENTRY:
        return
    calls = r'(?<![\w.>])(v?fork|posix_spawnp?|popen|system|daemon|exec[lv][pe]{0,2})\s*\('
    for line, match in source.find(calls + r'|(::clone3?)\s*\(|\b(SYS_v?fork|SYS_clone3?)\b'):
        yield line, f'{match[1] or match[2] or match[3]} outside {PROCESS_ENTRY}'


_SPEAKS = re.compile(r'\blog::(?:write|error|warn|info|debug|trace)\s*\(|\bError\s*\{'
                     r'|\b(?:payload_error|system_error|placed|printable)\s*\(')
_SECRET = re.compile(r'(?:\.|->)\s*reveal\s*\('
                     r'|\b(?:jwt|password|passwd|secret|authorization|token|connection_key)_?\b')
# Of a Result its error, of Paho's delivery token its code, of a text its size.
_HARMLESS = re.compile(r'\s*(?:\.|->)\s*(?:error|ok|empty|size|get_return_code)\s*\(')
_KEY = re.compile(r'\bkey_?\b')


def secrets_are_not_spoken(source: Source) -> Iterator[Finding]:
    """Connection key, JWT and passwords let whoever reads them into the device. A log line goes to
    the journal, an Error's detail into the cloud and into thin-edge's operation log: neither may be
    given a Secret's text, nor a variable that by its name holds one."""
    settings_key = source.folder in ('base', 'config')  # there a key is the name of a setting
    for match in _SPEAKS.finditer(source.code):
        said = source.extent(match.end() - 1)
        for pattern in (_SECRET,) if settings_key else (_SECRET, _KEY):
            for found in pattern.finditer(said):
                if _HARMLESS.match(said, found.end()):
                    continue
                yield source.line_of(match.end() + found.start()), f'{found[0]} in a log or Error'


def headers_import_no_namespace(source: Source) -> Iterator[Finding]:
    """A `using namespace` in a header is forced upon everyone who includes it."""
    if source.is_header:
        for line, _ in source.find(r'\busing\s+namespace\b'):
            yield line, 'using namespace in a header'


def files_begin_as_agreed(source: Source) -> Iterator[Finding]:
    """The licence of a file must be readable by machines (SPDX), also when it is copied elsewhere;
    a header must be includable twice."""
    if not source.text.startswith('// SPDX-License-Identifier: Apache-2.0\n'):
        yield 1, 'the first line is not // SPDX-License-Identifier: Apache-2.0'
    if source.is_header and not re.search(r'(?m)^#pragma once$', source.code):
        yield 1, 'no #pragma once'


def asynchronous_captures_are_named(source: Source) -> Iterator[Finding]:
    """A completion handler runs when its caller's locals, and perhaps its object, are gone. What it
    holds must be readable in its capture list; [&] and [=] hide it. Algorithms of the standard
    library and launch() call their function before they return: there it is allowed."""
    if source.folder not in ('session', 'forwarder', 'mqtt', 'audit'):
        return
    for line, match in source.find(r'\[\s*[&=]\s*[,\]]'):
        statement = re.split(r'[;{}]', source.code[:match.start()])[-1]
        if not re.search(r'(std::(ranges::)?\w+|\blaunch)\s*\([^;]*$', statement):
            yield line, f'{match[0]}: name what is captured'


def files_are_short(source: Source) -> Iterator[Finding]:
    """A file that grows beyond 250 lines does two things (what engineers complain of in programs
    like this is the tail of huge files): split it, or list it in LONG_FILES with the reason."""
    lines = source.text.count('\n')
    if lines > FILE_LINES and source.path not in LONG_FILES:
        yield FILE_LINES, f'{lines} lines'


def functions_are_short(source: Source) -> Iterator[Finding]:
    """A function beyond 60 lines cannot be taken in at a glance, and hides its error paths."""
    for function in functions(source):
        if function.lines > FUNCTION_LINES_AT_MOST:
            yield function.line, f'{function.name}: {function.lines} lines'


PRODUCT_RULES = [
    includes_follow_the_journey, one_library_one_file, the_world_is_read_once, one_place_forks,
    secrets_are_not_spoken, asynchronous_captures_are_named, files_are_short, functions_are_short,
]
EVERY_FILE_RULES = [headers_import_no_namespace, files_begin_as_agreed]
