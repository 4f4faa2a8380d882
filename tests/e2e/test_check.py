# SPDX-License-Identifier: Apache-2.0
"""`check` as somebody on the device runs it: what it says of a device that lacks nothing, in which
form, to whom, and what it leaves alone. The faults that it finds are in test_check_faults.py."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud, Mosquitto, Upgrade

from .harness import executable, processes
from .harness.device import Device
from .harness.doctor import STEPS, check, make_good, run_check, say_health  # noqa: F401  fixture
from .harness.expect import established
from .harness.kernel import landlock_version
from .harness.socket_unit import listening
from .harness.targets import Target, deaf_port, silent_port, wait_for_end

# What this kernel lacks of the sandbox is no fault of the device under test.
NOT_HERE = {"sandbox"} if landlock_version() < 1 else set()


@pytest.mark.parametrize("login", ["basic", "certificate"])
def test_a_device_that_lacks_nothing_is_told_so(
        cloud: Cloud, make_good: Callable[..., Device], login: str) -> None:
    device = make_good(login=login)
    with Target(wait_for_end) as target:
        found = check(device, "--target", f"127.0.0.1:{target.port}")
    assert list(found.steps) == [*STEPS, "target"]
    assert set(found.steps) - set(found.of("ok")) <= NOT_HERE, found.steps
    assert (found.status, found.stderr) == (0, "")
    assert all(step["cure"] == "" for step in found.steps.values() if step["status"] == "ok")
    assert all(isinstance(step["took_ms"], int) for step in found.steps.values())
    assert "a key that no operation has gets HTTP 404 " in found.steps["upgrade"]["text"]
    assert re.search(r"^TLSv1\.3, .*; certificate for localhost, cloud\.test, 127\.0\.0\.1, ::1; "
                     r"issued by Stand-in Cloud CA; valid from 20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d; "
                     r"trusted is what the system trusts and /.*/ca\.pem",
                     found.steps["tls"]["text"])
    assert f"takes a connection at 127.0.0.1, allowed by this-device" in found.steps["target"]["text"]


def test_a_profile_is_checked_with_its_own_mapper(
        broker: Mosquitto, make_good: Callable[..., Device]) -> None:
    device = make_good(socket=False, profile="second", prefix="c8y-second")
    found = check(device)
    assert "te/device/main/service/tedge-mapper-c8y-second/" in found.steps["mapper"]["text"]
    say_health(broker, '{"status":"up"}',
               "te/device/main/service/tedge-mapper-c8y-second/status/health")
    assert check(device).steps["mapper"]["text"] == "tedge-mapper-c8y-second is up"
    assert "c8y.profiles.second" not in str(found.steps) and found.status == 0


def test_nothing_is_published_and_no_session_is_left(
        cloud: Cloud, make_good: Callable[..., Device]) -> None:
    device = make_good(login="certificate")
    device.start()
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        before = list(cloud.status_messages)
        assert check(device, "--target", f"127.0.0.1:{target.port}").status == 0
        assert cloud.status_messages == before
        assert cloud.upgrades[-1].key == "c8y-remote-access-connect-check"
        assert not session.closed
    journal = device.journal.text  # the socket's session has nothing to complain of
    assert "no order" not in journal and journal.count("asked") == 1, journal


def test_a_reader_gets_a_line_a_step_and_a_verdict_and_a_pipe_no_escape_sequence(
        make_good: Callable[..., Device]) -> None:
    device = make_good(socket=False)
    (device.operations / "c8y_RemoteAccessConnect").unlink()
    found = run_check(device)
    assert (found.status, found.stderr) == (1, "")
    assert "\x1b" not in found.stdout and "\r" not in found.stdout
    lines = [line for line in found.stdout.splitlines() if line and not line.startswith(" ")]
    assert [line.split()[1] for line in lines[:-1]] == STEPS
    assert {line.split()[0] for line in lines[:-1]} <= {"ok", "warning", "problem", "skipped"}
    assert re.search(r"^problem  operation-file  there is no .*\n"
                     r" {25}cure: Run `c8y-remote-access-connect setup` as root\.$",
                     found.stdout, re.M)
    assert lines[-1].startswith("1 problem: no session can be served; ")


def on_a_terminal(device: Device, *arguments: str, stdout: int | None = None,
                  **environment: str) -> str:
    """What it says there; `stdout` may go elsewhere."""
    device.write_settings()
    ours, theirs = pty.openpty()
    with subprocess.Popen([device.program, *(arguments or ["check"])], stdin=theirs,
                          stdout=theirs if stdout is None else stdout, stderr=theirs,
                          env={**device.mapper.environment, **environment}) as process:
        os.close(theirs)
        said = b""
        try:
            while data := os.read(ours, 65536):
                said += data
        except OSError:  # as a terminal ends
            pass
        os.close(ours)
        assert process.wait(20) in (0, 1)
    return said.decode()


def test_a_terminal_gets_colours_unless_it_asks_for_none_and_hears_what_is_awaited(
        cloud: Cloud, make_good: Callable[..., Device]) -> None:
    device = make_good(login="certificate", socket=False)
    device.own('limits.connect = "2s"\n')
    cloud.behaviour.jwt_silent = True
    said = on_a_terminal(device)
    assert "\x1b[32mok       \x1b[0mbroker" in said
    assert "\x1b[31mproblem  \x1b[0mlogin" in said
    # Before the answer, on the line that the answer then takes.
    assert "login: waiting for a JWT from the cloud (at most 2s) ...\r\x1b[K\x1b[31mproblem" in said
    plain = on_a_terminal(device, NO_COLOR="1")
    assert not re.search(r"\x1b\[\d*m", plain)
    assert "waiting for a JWT" in plain


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_whoever_redirects_the_report_hears_what_is_awaited_all_the_same(
        cloud: Cloud, make_good: Callable[..., Device], tmp_path: Path, form: list[str]) -> None:
    device = make_good(login="certificate", socket=False)
    device.own('limits.connect = "2s"\n')
    cloud.behaviour.jwt_silent = True
    with (tmp_path / "report").open("wb") as report:
        said = on_a_terminal(device, "check", *form, stdout=report.fileno())
    assert "login: waiting for a JWT from the cloud (at most 2s) ...\r\x1b[K" in said
    assert "problem" not in said
    text = (tmp_path / "report").read_text()
    assert "\x1b" not in text and "waiting" not in text and "no JWT from the cloud" in text
    assert not form or json.loads(text)["ok"] is False


def test_other_commands_say_on_a_terminal_for_what_they_wait(
        make_good: Callable[..., Device]) -> None:
    device = make_good(socket=False)
    with silent_port() as port:
        device.settings["mqtt.client.port"] = port
        said = on_a_terminal(device, "setup")
    assert f"waiting for MQTT broker 127.0.0.1:{port} ...\r\x1b[K" in said
    assert "waiting for the resolver (at most 20s) ...\r\x1b[K" in on_a_terminal(
        device, "policy", "test", "127.0.0.1", "22")


def test_a_waiting_line_does_not_wrap(make_good: Callable[..., Device]) -> None:
    """What wraps cannot be erased."""
    said = on_a_terminal(make_good(socket=False), "check", "--target", f"{'a' * 60}.invalid:22")
    (line,) = re.findall(r"(target: waiting for [^\r]*)\r\x1b\[K", said)
    assert len(line) == 79


def test_a_device_with_all_its_sessions_in_use_is_told_so(
        cloud: Cloud, make_good: Callable[..., Device]) -> None:
    device = make_good(socket=False)
    device.own("[limits]\nsessions = 1\n")
    device.start()
    assert check(device).steps["run-folder"]["text"].endswith(", 0 of 1 session(s) in use")
    with Target(wait_for_end) as target:
        established(cloud, target)
        found = check(device)
    assert found.of("problem") == ["run-folder"]
    assert found.steps["run-folder"]["text"] == "all 1 session(s) are in use"
    assert re.search(r"sessions`: end one, or raise limits\.sessions \(/.*toml:2\)\.$",
                     found.steps["run-folder"]["cure"])


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody")
def test_root_looks_as_thin_edges_user(make_good: Callable[..., Device]) -> None:
    """What root alone can read is of no use to a session."""
    device = make_good(socket=False)
    device.run_as_nobody()
    (device.config_dir / "system.toml").write_text('user = "nobody"\ngroup = "nogroup"\n')
    as_root = check(device)
    assert as_root.steps["user"]["text"] == (
        "root, who looks as thin-edge's user nobody from here on")
    assert as_root.status == 0, as_root.steps
    as_itself = check(device, user="nobody", group="nogroup", extra_groups=[])
    assert as_itself.steps["user"]["text"] == "this looks as thin-edge's user nobody"
    assert as_itself.status == 0, as_itself.steps
    os.chown(device.config_dir / "credentials.toml", 0, 0)
    denied = check(device)
    assert denied.of("problem") == ["login"]
    assert "Permission denied" in denied.steps["login"]["text"]


@pytest.mark.parametrize("level", ["error", "warn", "info", "debug", "trace"])
@pytest.mark.parametrize("login", ["basic", "certificate"])
def test_no_secret_is_said_at_any_level(
        cloud: Cloud, make_good: Callable[..., Device], tmp_path: Path, level: str,
        login: str) -> None:
    """Key, JWT, passwords: not even when the cloud repeats them in its answer."""
    device = make_good(login=login, socket=False)
    password = tmp_path / "password"
    password.write_text("pa55-of-the-broker\n")
    device.settings |= {"mqtt.client.auth.username": "somebody",
                        "mqtt.client.auth.password_file": str(password),
                        "proxy.address": "127.0.0.1:1", "proxy.no_proxy": "127.0.0.1",
                        "proxy.username": "fleet", "proxy.password": "pa55-of-the-proxy"}
    basic = base64.b64encode(f"{cloud.device_user}:{cloud.device_password}".encode()).decode()
    repeated = basic if login == "basic" else ""
    cloud.behaviour.upgrade = Upgrade(
        status=403, body=f"you said {repeated} c8y-remote-access-connect-check")
    found = run_check(device, "--log-level", level)
    said = found.stdout + found.stderr
    sent = cloud.upgrades[-1].headers["authorization"].split()[1]
    for secret in (sent, basic, cloud.device_password, "pa55-of-the-broker", "pa55-of-the-proxy",
                   "c8y-remote-access-connect-check"):
        assert secret not in said, said
    assert found.status == 1 and "HTTP 403" in said


def test_what_hangs_everywhere_is_bounded_by_the_limit(
        make_good: Callable[..., Device], patient: Callable[[float], float]) -> None:
    device = make_good(socket=False)
    device.own('limits.connect = "2s"\n')
    (device.program.parent / "tedge").write_text("#!/bin/sh\nexec sleep 60\n")
    with silent_port() as broker, silent_port() as cloud, deaf_port() as target:
        device.settings |= {"mqtt.client.port": broker, "c8y.http": f"127.0.0.1:{cloud}"}
        begun = time.monotonic()
        found = check(device, "--target", f"127.0.0.1:{target}")
        assert time.monotonic() - begun < patient(7)  # 3 s for tedge, 2 s for all the rest
    assert found.of("problem") == ["broker", "tls", "target"]
    for name in ("broker", "tls", "target"):
        assert "no answer within 2s" in found.steps[name]["text"], found.steps[name]
    assert processes.of_program(device.program) == []


def diagnose(device: Device, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The plugin of `tedge diag collect` as the package has it, but for the program's place."""
    script = device.root / "diag.sh"
    text = (executable.built().parents[1] / "packaging" / f"{executable.NAME}.sh").read_text()
    script.write_text(re.sub(r"(?m)^program=.*$", f"program={device.program}", text))
    script.chmod(0o755)
    return subprocess.run([script, *arguments], env=device.mapper.environment, timeout=30,
                          capture_output=True, text=True, check=False)


def test_thin_edges_diagnosis_gets_it_all_and_no_secret(
        cloud: Cloud, make_good: Callable[..., Device]) -> None:
    device = make_good(socket=False)
    device.start()
    (device.root / "diag").mkdir()
    with Target(wait_for_end) as target:
        session = established(cloud, target)
        run = diagnose(device, "collect", "--output-dir", str(device.root / "diag"),
                       "--config-dir", str(device.config_dir))
        assert (run.returncode, run.stderr) == (0, "")
        texts = {path.name: path.read_text() for path in (device.root / "diag").iterdir()}
        assert re.search("^ok +upgrade ", texts["check.txt"], re.M)
        assert "this-device" in texts["policy.txt"]
        assert f"127.0.0.1:{target.port}" in texts["sessions.txt"]
        assert session.operation.key not in str(texts)
        assert cloud.device_password not in str(texts)


def test_thin_edges_diagnosis_is_a_success_whatever_the_doctor_finds(
        make_good: Callable[..., Device]) -> None:
    device = make_good(socket=False)
    device.own("enabled = \n")
    device.write_settings()
    run = diagnose(device, "collect", "--output-dir", str(device.tmp_path),
                   "--config-dir", str(device.config_dir))
    assert run.returncode == 0
    assert "problem  settings" in (device.tmp_path / "check.txt").read_text()
    for usage in (["--what"], ["--output-dir"], ["--config-dir", ""]):
        assert diagnose(device, "collect", *usage).returncode == 1  # 2 would be: leave me out
    assert diagnose(device).returncode == 1
    device.program.unlink()
    assert diagnose(device, "collect").returncode == 2  # to be left out


def files(device: Device) -> list[Path]:
    return sorted([*device.root.rglob("*"), *device.run_path.rglob("*")])


def test_nothing_is_written(make_good: Callable[..., Device]) -> None:
    device = make_good(socket=False)
    device.write_settings()
    before = files(device)
    assert check(device).status == 0
    assert files(device) == before


@pytest.mark.parametrize("target", ["22", "a.example", "a.example:", "a.example:0", ":22",
                                    "a b:22", "a.example:70000", "[::1]", "127.1:22"])
def test_what_is_no_target_is_a_usage_error(device: Device, target: str) -> None:
    found = run_check(device, "--target", target)
    assert (found.status, found.stdout) == (2, "")
    assert found.stderr.startswith("c8y-remote-access-connect: ")


def test_a_session_of_the_socket_answers_under_the_same_settings_or_not(
        make_good: Callable[..., Device]) -> None:
    """One that is asked nothing but whether it is there leaves no line in the journal."""
    device = make_good(socket=False)
    device.write_settings()
    with listening(device):
        assert check(device).steps["socket"]["status"] == "ok"
    assert device.journal.text == ""
