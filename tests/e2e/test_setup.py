# SPDX-License-Identifier: Apache-2.0
"""setup puts the operation file in its place and teardown takes it away: what they write, to whom
it belongs, what they leave alone, and what they say."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import check_carries, established
from .harness.installation import GROUP, STOCK, TEXTS, USER, Installation
from .harness.small_disk import small_disk
from .harness.targets import Target, echo, refusing_port


@pytest.fixture
def place(tmp_path: Path) -> Installation:
    """Without a broker: that must never keep the file from its place."""
    with refusing_port() as port:
        return Installation(tmp_path, port)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def belongs_to(path: Path) -> tuple[str, str]:
    return path.owner(), path.group()


def test_a_fresh_device_gets_the_file_of_the_repository_with_folders_and_owner_of_thin_edge(
        place: Installation) -> None:
    os.umask(0o077)  # of a careful administrator: must not reach thin-edge's folders
    try:
        said = place.setup()
    finally:
        os.umask(0o022)
    assert place.file.read_text() == TEXTS["smartrest"]
    assert mode(place.file) == 0o644 and belongs_to(place.file) == (USER, GROUP)
    for folder in (place.operations, place.operations.parent):
        assert mode(folder) == 0o775 and belongs_to(folder) == (USER, GROUP)
    assert mode(place.run_folder) == 0o700 and belongs_to(place.run_folder) == (USER, GROUP)
    assert place.others() == []
    assert f"Wrote {place.file} (smartrest)." in said.stdout
    assert belongs_to(place.config_dir)[0] == "root"  # was there


def test_before_thin_edge_is_installed_even_its_folder_is_made(place: Installation) -> None:
    (place.config_dir / "tedge.toml").unlink()
    place.config_dir.rmdir()
    said = place.setup()
    assert place.file.read_text() == TEXTS["smartrest"]
    assert mode(place.config_dir) == 0o775
    assert "no Cumulocity address" in said.stdout and said.stderr == ""


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_what_is_right_is_not_written_again(place: Installation, form: str) -> None:
    place.setup("--format", form)

    def traces() -> list[tuple[int, int, int]]:  # reading may be one: no access times
        found = [path.stat() for path in (place.file, place.operations)]
        return [(one.st_ino, one.st_mtime_ns, one.st_ctime_ns) for one in found]

    before = traces()
    assert "is right already" in place.setup().stdout
    assert traces() == before


@pytest.mark.parametrize("spoil", [
    lambda file: file.chmod(0o600), lambda file: os.chown(file, 0, 0),
    lambda file: file.write_text(""), lambda file: file.write_text(STOCK),
    lambda file: file.write_bytes(b"\xff\x00[")], ids=["mode", "owner", "empty", "stock", "junk"])
def test_what_is_wrong_with_the_file_is_set_right(
        place: Installation, spoil: Callable[[Path], None]) -> None:
    place.setup()
    spoil(place.file)
    place.setup()
    assert place.file.read_text() == TEXTS["smartrest"]
    assert mode(place.file) == 0o644 and belongs_to(place.file) == (USER, GROUP)


def test_user_and_group_are_those_of_system_toml(place: Installation) -> None:
    (place.config_dir / "system.toml").write_text(f'user = "{USER}"\ngroup = "{GROUP}"\n')
    assert place.run("setup").returncode == 0
    assert belongs_to(place.file) == belongs_to(place.run_folder) == (USER, GROUP)
    assert place.run("setup", "--group", "mail").returncode == 0
    assert belongs_to(place.file) == (USER, "mail")  # a flag is stronger


def test_before_thin_edge_is_there_nothing_is_written(place: Installation) -> None:
    """dpkg would ask about an operation file that lies there when thin-edge's package comes."""
    (place.config_dir / "system.toml").write_text('user = "nobody-knows-me"\n')
    done = place.run("setup")
    assert done.returncode == 0 and "nobody-knows-me" in done.stdout
    assert not place.operations.exists()
    assert not place.run_folder.exists()  # root's would keep thin-edge out
    place.run_folder.mkdir(0o700)
    (place.run_folder / "status.lock").touch()
    place.setup()
    assert belongs_to(place.file) == (USER, GROUP)
    assert belongs_to(place.run_folder) == belongs_to(place.run_folder / "status.lock") == (
        USER, GROUP)


def test_a_user_that_was_named_and_does_not_exist_is_an_error(place: Installation) -> None:
    done = place.run("setup", "--user", "nobody-knows-me")
    assert done.returncode == 1 and "nobody-knows-me" in done.stderr
    assert not place.file.exists()


def test_folders_that_are_there_keep_mode_and_owner(place: Installation) -> None:
    place.operations.mkdir(parents=True)
    place.operations.chmod(0o750)
    place.operations.parent.chmod(0o711)
    os.chown(place.operations, 2, 3)
    place.setup()
    assert mode(place.operations) == 0o750 and mode(place.operations.parent) == 0o711
    assert place.operations.stat().st_uid == 2 and place.operations.stat().st_gid == 3
    assert place.operations.parent.stat().st_uid == 0


def test_the_format_is_the_flag_then_the_setting_then_what_is_there(place: Installation) -> None:
    def form(*arguments: str) -> str:
        place.setup(*arguments)
        return next(name for name, text in TEXTS.items() if text == place.file.read_text())

    assert form() == "smartrest"
    assert form("--format", "json") == "json"
    assert form() == "json"  # kept
    place.own('operation_format = "smartrest"\n')
    assert form() == "smartrest"
    assert form("--format", "json") == "json"
    place.own('operation_format = "json"\n')
    place.place(STOCK)
    assert form() == "json"
    place.own("")
    place.place(STOCK)
    assert form() == "smartrest"  # another program's file says nothing about ours


def test_a_format_that_will_not_last_comes_with_the_setting_that_makes_it_last(
        place: Installation) -> None:
    assert 'operation_format = "json"' in place.setup("--format", "json").stdout
    place.own('operation_format = "json"\n')
    assert "operation_format" not in place.setup("--format", "json").stdout
    assert 'operation_format = "smartrest"' in place.setup("--format", "smartrest").stdout
    place.own("")
    assert "operation_format" not in place.setup("--format", "smartrest").stdout


@pytest.mark.parametrize("text", [TEXTS["smartrest"], STOCK, None], ids=["ours", "stock", "none"])
def test_switched_off_means_no_operation_file_whoever_wrote_it(
        place: Installation, text: str | None) -> None:
    if text is not None:
        place.place(text)
    place.own("enabled = false\n")
    said = place.setup()
    assert not place.file.exists()
    assert "switched off" in said.stdout and str(place.owner_file) in said.stdout
    assert said.stderr == ""


def test_settings_that_cannot_be_read_leave_everything_as_it_is(place: Installation) -> None:
    for text, told in [("enabled = flase\n", "toml:1"), ("enabled = 1\n", "key `enabled`"),
                       ('\noperation_format = "xml"\n', 'toml:2: key `operation_format`: must be')]:
        for there in (None, STOCK):
            if there:
                place.place(there)
            place.own(text)
            done = place.run("setup", "--user", USER, "--group", GROUP)
            assert done.returncode == 1 and told in done.stderr and done.stdout == ""
            assert done.stderr.count("\n") == 1
            assert place.file.read_text() == STOCK if there else not place.file.exists()
        place.file.unlink()


def test_a_folder_in_the_place_of_the_file_is_one_clear_error(place: Installation) -> None:
    place.file.mkdir(parents=True)
    for own in ("", "enabled = false\n"):
        place.own(own)
        done = place.run("setup", "--user", USER, "--group", GROUP)
        assert done.returncode == 1 and str(place.file) in done.stderr
        assert done.stderr.count("error:") == 1
    assert place.others() == []


def test_a_link_is_replaced_and_never_written_through(place: Installation, tmp_path: Path) -> None:
    elsewhere = tmp_path / "shadow"
    for text in (STOCK, TEXTS["smartrest"]):
        elsewhere.write_text(text)
        place.operations.mkdir(parents=True, exist_ok=True)
        place.file.unlink(missing_ok=True)
        place.file.symlink_to(elsewhere)
        place.setup()
        assert not place.file.is_symlink() and place.file.read_text() == TEXTS["smartrest"]
        assert elsewhere.read_text() == text and belongs_to(elsewhere)[0] == "root"
    (place.operations / ".c8y_RemoteAccessConnect.new").symlink_to(elsewhere)
    elsewhere.write_text("untouched")
    place.place(STOCK)
    place.setup()
    assert elsewhere.read_text() == "untouched" and place.others() == []


def read_only(place: Installation, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The folder is read-only for this run alone (a mount namespace of its own)."""
    script = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" || exit 99; exec "$@"'
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, str(place.operations),
                           *place.command(*arguments)], env=place.environment(),
                          capture_output=True, text=True, timeout=30, check=False)
    if done.returncode in (1, 99) and ("unshare:" in done.stderr or "mount:" in done.stderr):
        pytest.skip(f"no mount namespaces here: {done.stderr}")
    return done


def test_where_nothing_can_be_written_setup_and_teardown_say_so(place: Installation) -> None:
    place.place(TEXTS["json"])
    for arguments in (["setup", "--format", "json", "--user", USER, "--group", GROUP],  # owner
                      ["setup", "--user", USER, "--group", GROUP], ["teardown"]):
        done = read_only(place, *arguments)
        assert done.returncode == 1
        assert str(place.file) in done.stderr and "Read-only file system" in done.stderr
        assert "error:" in done.stderr.splitlines()[-1]
    assert place.file.read_text() == TEXTS["json"]
    place.setup("--format", "json")
    assert read_only(place, "setup", "--user", USER, "--group", GROUP).returncode == 0


def test_a_full_disk_leaves_the_file_that_is_there_and_nothing_beside_it(
        place: Installation) -> None:
    place.operations.parent.mkdir(parents=True)
    with small_disk(place.operations.parent) as disk:
        place.setup("--format", "json")
        disk.fill()
        done = place.run("setup", "--user", USER, "--group", GROUP, "--format", "smartrest")
        assert done.returncode == 1
        assert str(place.file) in done.stderr and "No space left on device" in done.stderr
        assert place.file.read_text() == TEXTS["json"] and place.others() == []
        assert place.run("teardown").returncode == 0 and not place.file.exists()


def test_setup_and_teardown_at_once_leave_a_whole_file_or_none(place: Installation) -> None:
    for turn in range(12):
        racing = [subprocess.Popen(place.command(*words), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=place.environment())
                  for words in (["setup", "--user", USER, "--group", GROUP], ["teardown"])
                  for _ in range(2)]
        if turn % 2:
            racing.reverse()
        ends = [(process.communicate(timeout=30)[1], process.returncode) for process in racing]
        assert [status for _, status in ends] == [0] * 4, ends
        if place.file.exists():
            assert place.file.read_text() == TEXTS["smartrest"]
        assert not place.operations.exists() or place.others() == []
    place.setup()
    assert place.file.read_text() == TEXTS["smartrest"]


def test_whoever_looks_sees_a_whole_file_while_setups_race_and_are_killed(
        place: Installation) -> None:
    place.setup()
    seen, over = set(), threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.add(place.file.read_text())  # FileNotFoundError would end the test's thread

    watcher = threading.Thread(target=look)
    watcher.start()
    for turn in range(40):
        racing = [subprocess.Popen(place.command("setup", "--user", USER, "--group", GROUP,
                                                 "--format", form),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=place.environment()) for form in ("json", "smartrest")]
        time.sleep(turn * 0.0003)
        if turn % 2:
            racing[0].send_signal(signal.SIGKILL)
        assert racing[1].wait(30) == 0
        assert racing[0].wait(30) in (0, -signal.SIGKILL)
    over.set()
    watcher.join()
    assert seen == set(TEXTS.values())
    place.setup("--format", "json")
    place.setup("--format", "smartrest")  # written anew: what a killed one left is gone
    assert place.file.read_text() == TEXTS["smartrest"] and place.others() == []


def test_teardown_takes_away_what_is_ours_and_nothing_else(place: Installation) -> None:
    place.setup("--format", "json")
    (place.run_folder / "status.lock").touch()
    done = place.run("teardown")
    assert done.returncode == 0 and f"Removed {place.file}." in done.stdout
    assert not place.file.exists() and not place.run_folder.exists()
    assert place.operations.is_dir()  # thin-edge's
    again = place.run("teardown")
    assert again.returncode == 0 and "There is no" in again.stdout and again.stderr == ""
    place.place(STOCK)
    assert "another program's" in place.run("teardown").stdout
    assert place.file.read_text() == STOCK


def test_teardown_works_with_settings_that_cannot_be_read_and_leaves_held_seats(
        place: Installation) -> None:
    place.setup()
    place.own("enabled = flase\n")
    (place.run_folder / "one.seat").touch()
    done = place.run("teardown")
    assert done.returncode == 0 and not place.file.exists()
    assert (place.run_folder / "one.seat").exists()


def test_usage_errors_are_told_and_change_nothing(place: Installation) -> None:
    for arguments in (["setup", "teardown"], ["setup", "530,device-1,127.0.0.1,22,key"],
                      ["setup", "--format", "xml"], ["teardown", "--format", "json"]):
        done = place.run(*arguments)
        assert done.returncode == 2 and "--help" in done.stderr
        assert "530" not in done.stderr
    assert not place.file.exists()


def test_help_fits_on_one_screen_and_names_the_commands(place: Installation) -> None:
    shown = place.run("--help").stdout
    assert len(shown.splitlines()) <= 24 and "setup" in shown and "teardown" in shown
    assert "unit-drop-ins" not in place.run("setup", "--help").stdout


@pytest.mark.parametrize("form", ["smartrest", "json"])
def test_the_mapper_runs_an_operation_with_the_file_that_setup_wrote(
        cloud: Cloud, make_device: Callable[..., Device], form: str) -> None:
    device = make_device(form="smartrest" if form == "json" else "json")
    device.write_settings()
    done = subprocess.run([str(device.program), "setup", "--format", form, "--user",
                           "root", "--group", "root"],
                          env=device.mapper.environment, capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    device.start()
    with Target(echo) as target:
        session = established(cloud, target, form)
        check_carries(session)
        session.close()
        target.wait_ended()
