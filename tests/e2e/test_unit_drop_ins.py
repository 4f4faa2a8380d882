# SPDX-License-Identifier: Apache-2.0
"""What systemd's generator asks of setup: thin-edge's settings as drop-ins for our units."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .harness.installation import Installation

SOCKET = "c8y-remote-access-connect.socket.d/thin-edge.conf"
SERVICE = "c8y-remote-access-connect@.service.d/thin-edge.conf"
BOOT = "c8y-remote-access-connect-boot.service.d/thin-edge.conf"


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    installation = Installation(tmp_path, 1)
    installation.settings = ""
    installation.thin_edge("")
    return installation


def written(place: Installation, folder: Path) -> tuple[dict[str, list[str]], str]:
    """The settings of each drop-in, and standard error; it must always succeed."""
    done = place.run("setup", "--unit-drop-ins", str(folder))
    assert done.returncode == 0
    assert not place.operations.exists(), "a generator changes nothing else"
    found = {str(path.relative_to(folder)): [line for line in path.read_text().splitlines()
                                             if not line.startswith("#")]
             for path in sorted(folder.rglob("*")) if path.is_file()}
    return found, done.stderr


def test_default_settings_need_no_drop_in(place: Installation, tmp_path: Path) -> None:
    assert written(place, tmp_path / "units") == ({}, "")
    assert not (tmp_path / "units").exists()
    (place.config_dir / "tedge.toml").unlink()
    assert written(place, tmp_path / "units") == ({}, "")


def test_user_group_and_run_path_go_into_the_units(place: Installation, tmp_path: Path) -> None:
    (place.config_dir / "system.toml").write_text('user = "edge.1"\ngroup = "edge_x"\n')
    place.thin_edge('run.path = "/srv/tedge-run"\n')
    found, told = written(place, tmp_path)
    assert told == ""
    assert found[SOCKET] == [
        "[Socket]", "SocketUser=edge.1", "SocketGroup=edge_x", "ListenSequentialPacket=",
        "ListenSequentialPacket=/srv/tedge-run/c8y-remote-access-connect.sock"]
    assert found[SERVICE] == ["[Service]", "User=edge.1", "Group=edge_x",
                              "ReadWritePaths=-/srv/tedge-run/c8y-remote-access-connect"]
    assert found[BOOT] == found[SERVICE]
    assert (tmp_path / SOCKET).stat().st_mode & 0o777 == 0o644


def test_only_what_differs_is_written_and_an_outdated_drop_in_goes(
        place: Installation, tmp_path: Path) -> None:
    system = place.config_dir / "system.toml"
    system.write_text('group = "edge"\n')
    found, _ = written(place, tmp_path / "units")
    service = ["[Service]", "Group=edge"]
    assert found == {SOCKET: ["[Socket]", "SocketGroup=edge"], SERVICE: service, BOOT: service}
    system.unlink()
    assert written(place, tmp_path / "units") == ({}, "")


@pytest.mark.parametrize("name", ["a\nExecStart=/bin/sh", "%n", "a b", "-a", "a;b", "../x", "é",
                                  "a\\\nb", '"'])
def test_a_name_that_a_unit_would_misread_is_refused(
        place: Installation, tmp_path: Path, name: str) -> None:
    quoted = json.dumps(name, ensure_ascii=False)
    (place.config_dir / "system.toml").write_text(f"user = {quoted}\ngroup = \"edge\"\n")
    place.thin_edge(f"run.path = {json.dumps('/srv/%i ' + name.strip('./-'), ensure_ascii=False)}\n")
    found, told = written(place, tmp_path / "units")
    service = ["[Service]", "Group=edge"]
    assert found == {SOCKET: ["[Socket]", "SocketGroup=edge"], SERVICE: service, BOOT: service}
    assert len(told.splitlines()) == 2
    assert "system.toml" in told and "user `" in told and "run.path" in told


@pytest.mark.parametrize("file", ["tedge.toml", "system.toml",
                                  "plugins/c8y-remote-access-connect.toml"])
def test_settings_that_cannot_be_read_do_not_keep_the_device_from_booting(
        place: Installation, tmp_path: Path, file: str) -> None:
    (place.config_dir / "plugins").mkdir()
    (place.config_dir / file).write_text("user = [\n")
    found, told = written(place, tmp_path / "units")
    assert found == {} and file in told
    units = tmp_path / "a file"
    units.write_text("")
    (place.config_dir / "system.toml").write_text('user = "edge"\n')
    assert place.run("setup", "--unit-drop-ins", str(units)).returncode == 0
