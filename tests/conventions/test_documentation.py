# SPDX-License-Identifier: Apache-2.0
"""README, man page and completion say what the program says."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "c8y-remote-access-connect"
PROGRAM = ROOT / os.environ.get("CONNECT_BUILD", "build") / "plugin" / NAME
MAN_PAGE = ROOT / "packaging" / "man" / f"{NAME}.1"
COMPLETION = ROOT / "packaging" / "completion" / NAME


def help_of(*command: str) -> str:
    return subprocess.run([PROGRAM, *command, "--help"], capture_output=True, text=True,
                          timeout=10, check=True).stdout


def commands(*command: str) -> list[tuple[str, ...]]:
    """Every command there is, with those below it."""
    _, _, below = help_of(*command).partition("Subcommands:\n")
    found = []
    for name in re.findall(r"^  (\w+)", below, re.M):
        found += [(*command, name), *commands(*command, name)]
    return found


def options(*command: str) -> set[str]:
    return set(re.findall(r"^  (?:-\w,)?(--[\w-]+)", help_of(*command), re.M))


@pytest.fixture(scope="module")
def every_option() -> set[str]:
    return options().union(*(options(*command) for command in commands()))


def test_every_help_fits_a_terminal() -> None:
    for command in [(), *commands()]:
        lines = help_of(*command).splitlines()
        assert len(lines) < 24, command  # the prompt has the last
        assert [line for line in lines if len(line) > 80] == [], command


def man_page() -> str:
    return MAN_PAGE.read_text().replace(r"\-", "-")


def test_the_man_page_has_every_command_and_every_option(every_option: set[str]) -> None:
    page = man_page()
    headings = set(re.findall(r"^\.B ([a-z ]+)$", page, re.M))
    assert {" ".join(command) for command in commands()} - headings <= {"policy"}
    assert set(re.findall(r"--[a-z][\w-]+", page)) == every_option


def keys_in_the_man_page(command: str) -> list[str]:
    _, _, section = man_page().partition(".SH JSON\n")
    described = section.partition("\n.SH")[0].split(".TP\n")
    (text,) = [one for one in described if one.startswith(f".B {command}\n")]
    return re.findall(r"^\.IR? ([a-z_]+)", text, re.M)


def test_the_man_page_has_the_keys_of_what_is_printed_for_programs(tmp_path: Path) -> None:
    run = subprocess.run([PROGRAM, "check", "--json", "--config-dir", tmp_path],
                         capture_output=True, text=True, timeout=30, check=False)
    report = json.loads(run.stdout)
    assert sorted(keys_in_the_man_page("check")) == sorted([*report, *report["steps"][0]])
    source = (ROOT / "src" / "session" / "session_list.cpp").read_text()
    printed = re.findall(r'\{"(\w+)", ', source.partition("json::Value sessions_json")[2])
    assert sorted(keys_in_the_man_page("sessions")) == sorted({*printed, "sessions"})


def test_the_man_page_is_free_of_warnings() -> None:
    run = subprocess.run(["groff", "-man", "-ww", "-z", MAN_PAGE], capture_output=True, text=True,
                         timeout=30, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def completed(*words: str) -> list[str]:
    """What pressing Tab after `words` offers; the last one is unfinished."""
    script = (f'source "{COMPLETION}"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              f'_c8y_remote_access_connect "$1"; printf "%s\\n" "${{COMPREPLY[@]}}"')
    run = subprocess.run(["bash", "-c", script, "bash", str(PROGRAM), *words], capture_output=True,
                         text=True, timeout=10, check=True)
    assert run.stderr == ""
    return run.stdout.split()


def test_completion_knows_every_command_and_option() -> None:
    for command in [(), *commands()]:
        if command == ("session",) or command == ("sessions", "end"):  # internal; takes an id
            continue
        below = {one[-1] for one in commands() if one[:-1] == command and one != ("session",)}
        shared = options() if not command else set()
        offered = set(completed(*command, ""))
        assert offered >= options(*command) | below | shared, command
        assert offered <= options(*command) | below | options(), command


def test_completion_finishes_words_and_values() -> None:
    assert completed("se") == ["setup", "sessions"]
    assert completed("--log-level", "d") == ["debug"]
    assert completed("setup", "--format", "") == ["smartrest", "json"]
    assert completed("--profile", "second", "policy", "t") == ["test"]
    assert completed("sessions", "end", "") == []  # there is none


def test_the_troubleshooting_table_has_every_reason_and_no_other() -> None:
    source = (ROOT / "src" / "base" / "error.cpp").read_text()
    rows = re.findall(r'Row\{Fault::\w+, "\w+",\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\}', source)
    sentences = ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', row)) for row in rows]
    assert len(sentences) > 30
    reasons = {re.sub(r"\{[sd]\}", "…", re.split(r"; when that| \((?!s\))", sentence)[0])
               for sentence in sentences}
    section = (ROOT / "README.md").read_text().partition("## Troubleshooting")[2]
    section = section.partition("\n## ")[0]
    listed = {code for line in section.splitlines() if line.startswith("|")
              for code in re.findall(r"`([^`]+)`", line.split("|")[1])}
    listed |= {code for code in re.findall(r"may say (.*?)run it again", section, re.S)
               for code in re.findall(r"`([^`]+)`", code)}
    assert listed == reasons


def test_every_row_of_the_threat_model_names_tests_that_exist_and_run_in_ci() -> None:
    section = (ROOT / "src" / "README.md").read_text().partition("\n## Threat model\n")[2]
    rows = [line.split("|") for line in section.partition("\n## ")[0].splitlines()
            if line.startswith("| ")][1:]
    assert len(rows) > 5
    run = (ROOT / "tests" / "run.sh").read_text()
    for _, who, *_, shown_by, _ in rows:
        named = re.findall(r"`([^`]+)`", shown_by)
        assert named, who
        for name in named:
            path = name if "/" in name else f"tests/e2e/{name}"
            found = [*ROOT.glob(path), *ROOT.glob(f"{path}.py"), *ROOT.glob(f"{path}.cpp")]
            assert found, (who, name)
            assert "/".join(path.split("/")[:2]) in run, (who, name)


def test_every_test_in_the_table_of_faults_exists() -> None:
    """A name may be cut short with an ellipsis at either end, within the file named before it."""
    pattern = re.compile(r"`(?:(?:tests/(\w+)/)?(test_\w+)(?:\.py)?(?:::(\w+…?))?|(…\w+…?))`")
    table = (ROOT / "tests" / "README.md").read_text()
    found = 0
    for line in table.splitlines():
        text = ""
        for folder, file, name, part in pattern.findall(line):
            if file:
                text = (ROOT / "tests" / (folder or "e2e") / f"{file}.py").read_text()
            wanted = (name or part or "test_…").replace("…", r"\w*")
            assert re.search(rf"^def {wanted}\(", text, re.M), (file, name or part)
            found += 1
    assert found > 55
