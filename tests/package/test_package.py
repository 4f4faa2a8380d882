# SPDX-License-Identifier: Apache-2.0
"""The .deb as a file: what is in it, what it asks for, and that everybody builds the same one."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from .conftest import BUILD, REPOSITORY, output_of

NAME = "c8y-remote-access-connect"
SETTINGS = f"/etc/tedge/plugins/{NAME}.toml"
EXPOSURE = 15  # tenths: systemd-analyze's scale ends at 10.0

CONTENTS = {
    SETTINGS: "-rw-r--r--",
    f"/lib/systemd/system-generators/{NAME}": "-rwxr-xr-x",
    f"/lib/systemd/system/{NAME}-boot.service": "-rw-r--r--",
    f"/lib/systemd/system/{NAME}-setup.path": "-rw-r--r--",
    f"/lib/systemd/system/{NAME}-setup.service": "-rw-r--r--",
    f"/lib/systemd/system/{NAME}.socket": "-rw-r--r--",
    f"/lib/systemd/system/{NAME}@.service": "-rw-r--r--",
    f"/usr/bin/{NAME}": "-rwxr-xr-x",
    f"/usr/lib/tmpfiles.d/{NAME}.conf": "-rw-r--r--",
    f"/usr/share/doc/{NAME}/changelog.gz": "-rw-r--r--",
    f"/usr/share/doc/{NAME}/copyright": "-rw-r--r--",
    f"/usr/share/bash-completion/completions/{NAME}": "-rw-r--r--",
    f"/usr/share/man/man1/{NAME}.1.gz": "-rw-r--r--",
    f"/usr/share/tedge/diag-plugins/{NAME}.sh": "-rwxr-xr-x",
}


def test_it_holds_these_files_and_no_others(deb: Path) -> None:
    entries = [line.split(maxsplit=5) for line in output_of("dpkg-deb", "-c", deb).splitlines()]
    assert {owner for _, owner, *_ in entries} == {"root/root"}
    files = {name.removeprefix("."): mode for mode, *_, name in entries if mode[0] != "d"}
    assert files == CONTENTS  # above all: no operation file, which is the stock package's conffile
    assert {mode for mode, *_ in entries if mode[0] == "d"} == {"drwxr-xr-x"}


def test_the_settings_are_a_conffile_and_nothing_else_is(unpacked: Path) -> None:
    assert (unpacked / "DEBIAN/conffiles").read_text().split() == [SETTINGS]


def test_no_package_of_thin_edge_has_to_come_or_go(deb: Path) -> None:
    fields = dict(line.split(": ", 1) for line in output_of("dpkg-deb", "-f", deb).splitlines()
                  if not line.startswith(" "))
    assert not fields.keys() & {"Conflicts", "Breaks", "Replaces", "Provides", "Pre-Depends"}
    needed = {entry.split()[0] for entry in fields["Depends"].split(", ")}
    assert all(name.startswith("lib") for name in needed), needed
    assert "tedge-mapper" in fields["Recommends"].split(", ")


def test_lintian_has_nothing_to_say(deb: Path) -> None:
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning", deb],
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_same_tree_gives_the_same_bytes_elsewhere(deb: Path, tree: Path) -> None:
    environment = {**os.environ, "TZ": "Pacific/Kiritimati", "LC_ALL": "POSIX",
                   "TMPDIR": str(tree.parent), "LOGNAME": "somebody"}
    done = subprocess.run(["bash", "-c", f"umask 077; {BUILD} --output ../output"], cwd=tree,
                          env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    again = tree.parent / "output" / deb.name
    assert again.read_bytes() == deb.read_bytes(), f"compare {deb} and {again} (diffoscope)"


def test_two_versions_in_one_tree_are_refused(tree: Path) -> None:
    meson = tree / "meson.build"
    meson.write_text(meson.read_text().replace("version: '", "version: '9.", 1))
    done = subprocess.run([tree / BUILD], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert re.search(r"changelog says version (\S+), meson.build says 9\.\1: make them equal",
                     done.stderr)


def test_systemd_understands_every_unit(unpacked: Path) -> None:
    units = [Path(path).name for path in CONTENTS if path.startswith("/lib/systemd/system/")]
    # The units of the machine for what ours come after; ours for what is to be looked at.
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
         *(f"{unpacked}/lib/systemd/system/{unit}" for unit in units)],
        capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "is not executable" not in line]
    assert said == []


@pytest.mark.parametrize("unit", [f"{NAME}@.service", f"{NAME}-boot.service"])
def test_a_service_is_exposed_at_most_so_much(unpacked: Path, unit: str) -> None:
    done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager",
                           f"--threshold={EXPOSURE}", f"--root={unpacked}", unit],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Overall exposure level" in done.stdout


def test_every_setting_is_in_the_shipped_file_and_can_be_switched_on(
        unpacked: Path, tmp_path: Path) -> None:
    shipped = Path(f"{unpacked}{SETTINGS}").read_text()
    all_on = re.sub(r"(?m)^# (\[\[allow\]\]|[a-z_]+ = .*)$", r"\1", shipped)
    written = tomllib.loads(all_on)
    known = re.findall(r"\{((?:\"\w+\",?\s*)+)\}",
                       (REPOSITORY / "src/config/owner.cpp").read_text().replace("\n", ""))
    names = {name for group in known for name in re.findall(r"\w+", group)}
    assert set(written) | {key for value in written.values() if isinstance(value, dict)
                           for key in value} == names
    for text in (shipped, all_on):
        place = tmp_path / "plugins"
        place.mkdir(exist_ok=True)
        (place / f"{NAME}.toml").write_text(text)
        done = subprocess.run([f"{unpacked}/usr/bin/{NAME}", "setup", "--config-dir", tmp_path],
                              env={"TEDGE_RUN_PATH": str(tmp_path)}, capture_output=True,
                              text=True, check=False, timeout=20)
        assert done.returncode == 0, done.stderr
