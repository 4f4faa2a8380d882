"""C++ text as the rules look at it: without comments, with or without what strings hold."""

import re
from pathlib import Path
from typing import Iterator, NamedTuple

ROOT = Path(__file__).resolve().parents[2]

_TOKEN = re.compile(
    r'//[^\n]*'
    r'|/\*.*?\*/'
    r'|R"(?P<mark>[^()\\\s"]{0,16})\(.*?\)(?P=mark)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",
    re.DOTALL)


def _blank(text: str) -> str:
    return re.sub(r'[^\n]', ' ', text)


def without_comments(text: str) -> str:
    return _TOKEN.sub(lambda m: _blank(m[0]) if m[0].startswith('/') else m[0], text)


def code_only(text: str) -> str:
    """Comments and the contents of strings become blanks; lines and columns stay."""
    def blank(match: re.Match) -> str:
        token = match[0]
        if token.startswith('/'):
            return _blank(token)
        return token[0] + _blank(token[1:-1]) + token[-1]
    return _TOKEN.sub(blank, text)


class Source:
    def __init__(self, path: str, text: str) -> None:
        self.path = path  # from the top of the repository, with '/'
        self.text = text
        self.code = code_only(text)

    @property
    def is_header(self) -> bool:
        return self.path.endswith('.hpp')

    @property
    def folder(self) -> str:
        """'config' for src/config/toml.cpp, 'plugin' for plugin/main.cpp."""
        parts = self.path.split('/')
        return parts[1] if parts[0] == 'src' else parts[0]

    def line_of(self, offset: int) -> int:
        return self.text.count('\n', 0, offset) + 1

    def includes(self) -> Iterator[tuple[int, str]]:
        """Line and target as written: '<mqtt/client.h>' or '"mqtt/client.hpp"'."""
        pattern = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(<[^>\n]+>|"[^"\n]+")', re.MULTILINE)
        for match in pattern.finditer(without_comments(self.text)):
            yield self.line_of(match.start()), match[1]

    def find(self, pattern: str) -> Iterator[tuple[int, re.Match]]:
        for match in re.finditer(pattern, self.code):
            yield self.line_of(match.start()), match

    def extent(self, opening: int) -> str:
        """What stands between the bracket at `opening` and its partner."""
        depth = 0
        for offset in range(opening, len(self.code)):
            if self.code[offset] in '({':
                depth += 1
            elif self.code[offset] in ')}':
                depth -= 1
                if depth == 0:
                    return self.code[opening + 1:offset]
        return self.code[opening + 1:]


class Function(NamedTuple):
    name: str
    line: int
    lines: int


def functions(source: Source) -> Iterator[Function]:
    """Function definitions outside other functions (a lambda counts with the one around it)."""
    code = re.sub(r'(?m)^[ \t]*#.*$', lambda m: ' ' * len(m[0]), source.code)
    start, depth, inside, member = 0, 0, None, None
    for offset, char in enumerate(code):
        if char == '{':
            head = code[start:offset]
            if inside is None and member is None and _MEMBER_INIT.search(head):
                member = depth
            elif inside is None and member is None and _opens_function(head):
                first = start + len(head) - len(head.lstrip())
                inside = (_name(head), source.line_of(first), depth)
            depth += 1
        elif char == '}':
            depth -= 1
            if inside is not None and depth == inside[2]:
                last = source.line_of(offset)
                yield Function(inside[0], inside[1], last - inside[1] + 1)
                inside = None
            if member == depth:
                member = None
                continue
        if char in '{};' and member is None:
            start = offset + 1


# "A::A(int a) : a_(a), b_" in front of the braces of b_
_MEMBER_INIT = re.compile(r'\)\s*(noexcept\s*)?:(?!:)[^;]*[\w>]\s*$')


def _opens_function(head: str) -> bool:
    if re.match(r'\s*(namespace|enum|extern)\b', head):
        return False
    if re.search(r'(^|[^=!<>])=\s*$', head):  # the initializer of a variable
        return False
    return re.search(r'\)\s*(const|noexcept|override|final|&|\s)*(->.*|:(?!:).*)?$', head,
                     re.DOTALL) is not None


def _name(head: str) -> str:
    match = re.search(r'([\w:~]+|operator\W+)\s*\(', head)
    return match[1].strip() if match else '?'


def sources(*folders: str) -> list[Source]:
    found = []
    for folder in folders:
        for path in sorted((ROOT / folder).rglob('*.[ch]pp')):
            found.append(Source(path.relative_to(ROOT).as_posix(), path.read_text('utf-8')))
    return found
