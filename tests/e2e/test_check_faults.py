# SPDX-License-Identifier: Apache-2.0
"""What is wrong on a device, and that `check` finds it, by the right step, with a cure. Each row of
the table spoils one thing of a device that lacks nothing."""

from __future__ import annotations

import contextlib
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloud import Cloud, Connection, Mosquitto, Upgrade

from .harness import executable
from .harness.device import Device
from .harness.doctor import check, install_thin_edge, make_good, say_health  # noqa: F401  fixture
from .harness.kernel import landlock_version, needs_landlock
from .harness.proxies import stunnel, tinyproxy
from .harness.targets import Target, deaf_port, echo, refusing_port, silent_port

BRIDGE = "te/device/main/service/tedge-mapper-bridge-c8y/status/health"
QUICK = 'limits.connect = "1s"\n'


@dataclass
class Bench:
    device: Device
    cloud: Cloud
    broker: Mosquitto
    folder: Path
    held: contextlib.ExitStack
    arguments: list[str] = field(default_factory=list)

    def set(self, **settings: str | int | bool) -> None:
        """`c8y__http` for c8y.http; None takes it out."""
        for name, value in settings.items():
            self.device.settings[name.replace("__", ".")] = value

    def hold(self, context: contextlib.AbstractContextManager[int]) -> int:
        return self.held.enter_context(context)

    def aim(self, target: str) -> None:
        self.arguments += ["--target", target]


@pytest.fixture
def make_bench(cloud: Cloud, broker: Mosquitto, tmp_path: Path,
               make_good: Callable[..., Device]):
    with contextlib.ExitStack() as held:

        def make(login: str, **arguments: bool) -> Bench:
            return Bench(make_good(login=login, **arguments), cloud, broker, tmp_path, held)

        yield make


def operation_of_another(bench: Bench) -> None:
    (bench.device.operations / "c8y_RemoteAccessConnect").write_text(
        '[exec]\ncommand = "c8y-remote-access-plugin"\ntopic = "c8y/s/ds"\non_message = "530"\n')


def operation_file(bench: Bench, *lines: str) -> None:
    (bench.device.operations / "c8y_RemoteAccessConnect").write_text("\n".join(
        ["[exec]", *lines]))


def approve(bench: Bench, *, mode: int) -> None:
    (bench.folder / "ask").write_text("#!/bin/sh\n")
    (bench.folder / "ask").chmod(mode)
    bench.device.own(f'\napprove = "{bench.folder}/ask them"\n')


def broker_with_login(bench: Bench) -> None:
    passwords = bench.folder / "passwords"
    passwords.write_text("")
    passwords.chmod(0o644)
    other = bench.held.enter_context(Mosquitto(
        bench.folder / "other", extra_config=f"user root\npassword_file {passwords}\n"))
    wrong = bench.folder / "wrong"
    wrong.write_text("wrong\n")
    bench.set(mqtt__client__port=other.port, mqtt__client__auth__username="local",
              mqtt__client__auth__password_file=str(wrong))


def bridge_down(bench: Bench) -> None:
    bench.device.own(QUICK)
    bench.cloud.behaviour.jwt_silent = True
    say_health(bench.broker, '{"status":"down"}', BRIDGE)


def no_run_folder(bench: Bench) -> None:
    for place in (bench.device.run_path, bench.device.root / "data"):
        folder = place / "c8y-remote-access-connect"
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)  # also root's is no longer one that only its owner can write


def dead_socket(bench: Bench) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(bench.device.socket_path))


def without(bench: Bench, pieces: str) -> None:
    bench.device.mapper.environment |= {"LD_PRELOAD": str(executable.intruder()),
                                        "EXPLOIT_WITHOUT": pieces}


def shows(kind: str) -> Callable[[Bench], None]:
    return lambda bench: setattr(bench.cloud.behaviour, "connection", Connection(certificate=kind))


def answers(status: int) -> Callable[[Bench], None]:
    return lambda bench: setattr(bench.cloud.behaviour, "upgrade", Upgrade(status=status))


def proxy(bench: Bench, port: int, login: tuple[str, str] | None = None) -> None:
    bench.set(proxy__address=f"127.0.0.1:{port}")
    if login:
        bench.set(proxy__username=login[0], proxy__password=login[1])


def tiny(bench: Bench, connect_port: int, **options: object) -> int:
    return bench.held.enter_context(
        tinyproxy(bench.folder / "proxy", connect_port, **options)).port


# Name: (login, what spoils it, exit status, step → (status, text, cure)). Steps that are not named
# are ok, or skipped because they need one that is a problem.
P, W = "problem", "warning"
TEDGE_TOML = r"/tedge\.toml:\d+"
FAULTS: dict[str, tuple[str, Callable[[Bench], object], int, dict[str, tuple[str, str, str]]]] = {
    "owner's file is no TOML": (
        "basic", lambda b: b.device.own("enabled = \n"), 1,
        {"settings": (P, r"c8y-remote-access-connect\.toml:1: ",
                      r"^Correct /.*c8y-remote-access-connect\.toml:1\.$")}),
    "unknown key in the owner's file": (
        "basic", lambda b: b.device.own("\n[limits]\nconect = '3s'\n"), 1,
        {"settings": (P, r"toml:3: key `limits\.conect`: is unknown", r"^Correct /.*toml:3\.$")}),
    "thin-edge's value of the wrong type": (
        "basic", lambda b: b.set(mqtt__client__port="many"), 1,
        {"settings": (P, "key `mqtt.client.port`", f"^Correct /.*{TEDGE_TOML}")}),
    "no c8y.url": (
        "basic", lambda b: b.device.settings.pop("c8y.http"), 1,
        {"settings": (P, "c8y.url is not set", "^Run `tedge config set c8y.url HOST`")}),
    "a TEDGE_ variable that nobody knows": (
        "basic", lambda b: b.device.mapper.environment.update(TEDGE_C8Y_URI="x"), 0,
        {"settings": (W, "TEDGE_C8Y_URI", "^Correct what is named")}),
    "no operation file": (
        "basic", lambda b: (b.device.operations / "c8y_RemoteAccessConnect").unlink(), 1,
        {"operation-file": (P, "there is no /.*c8y_RemoteAccessConnect", "setup` as root")}),
    "operation file of thin-edge's plugin": (
        "basic", operation_of_another, 1,
        {"operation-file": (P, "is another program's", "setup` as root")}),
    "operation file that the mapper never calls": (
        "basic", lambda b: operation_file(
            b, 'command = "c8y-remote-access-connect"', 'topic = "c8y/s/ds"',
            'on_message = "531"', "skip_status_update = true"), 1,
        {"operation-file": (P, "mapper does not call us", "setup` as root")}),
    "operation file that hands over no operation": (
        "basic", lambda b: operation_file(
            b, 'command = "c8y-remote-access-connect"',
            'on_fragment = "c8y_RemoteAccessConnect"', "skip_status_update = true"), 1,
        {"operation-file": (P, "mapper does not call us", "setup` as root")}),
    "operation file with which the mapper speaks too": (
        "basic", lambda b: operation_file(
            b, 'command = "c8y-remote-access-connect"', 'topic = "c8y/s/ds"',
            'on_message = "530"'), 1,
        {"operation-file": (P, "publishes statuses of its own", "setup` as root")}),
    "thin-edge is not there": (
        "basic", lambda b: (b.device.program.parent / "tedge").unlink(), 0,
        {"thin-edge": (W, "tedge: No such file", "installed, and `tedge` found by PATH")}),
    "tedge is another program": (
        "basic", lambda b: (b.device.program.parent / "tedge").write_text(
            "#!/bin/sh\nprintf '\\033[2Jhello'\n"), 0,
        {"thin-edge": (W, r"tedge --version: \[2Jhello$", "found by PATH")}),
    "another configuration folder": (
        "basic", lambda b: b.arguments.extend(["--config-dir", "/nowhere/tedge"]), 1,
        {"user": (W, "there is no user tedge", "/nowhere/tedge/system.toml"),
         "settings": (P, "^there is no folder /nowhere/tedge$", "--config-dir")}),
    "a profile that nobody made": (
        "basic", lambda b: b.arguments.extend(["--profile", "second"]), 1,
        {"settings": (P, "no profile `second`", "^Name one that there is .--profile")}),
    "thin-edge is too old": (
        "basic", lambda b: install_thin_edge(b.device, "1.3.1"), 0,
        {"thin-edge": (W, "^tedge 1.3.1: its mapper publishes statuses", "1.4 or later")}),
    "broker is down": (
        "certificate", lambda b: b.set(mqtt__client__port=b.hold(refusing_port())), 1,
        {"broker": (P, "^MQTT broker 127.0.0.1:.*not reachable",
                    rf"^Check mqtt\.client\.\* \(.*mqtt\.client\.port in /.*{TEDGE_TOML}\)")}),
    "broker refuses the login": (
        "certificate", broker_with_login, 1,
        {"broker": (P, "[Nn]ot authori[sz]ed", r"auth\.password_file")}),
    "broker does not speak TLS": (
        "certificate", lambda b: b.set(mqtt__client__auth__ca_file=str(b.cloud.ca_file)), 1,
        {"broker": (P, "no TLS connection", r"mqtt\.client\.auth\.ca_file in /")}),
    "broker is silent": (
        "certificate", lambda b: (b.device.own(QUICK),
                                  b.set(mqtt__client__port=b.hold(silent_port()))), 1,
        {"broker": (P, "no answer within 1s", "mqtt.client")}),
    "mapper says nothing": (
        "basic", lambda b: say_health(b.broker, ""), 0,
        {"mapper": (W, "says nothing of its health at te/device/main/", "tedge connect c8y")}),
    "mapper is down": (
        "basic", lambda b: say_health(b.broker, '{"status":"down","pid":1}'), 1,
        {"mapper": (P, "tedge-mapper-c8y says that it is down", "restart tedge-mapper-c8y")}),
    "bridge is down": (
        "certificate", bridge_down, 1,
        {"mapper": (P, "the bridge to Cumulocity is down", "tedge reconnect c8y"),
         "login": (P, "no JWT from the cloud: no answer on c8y/s/dat within 1s",
                   "tedge connect c8y --test")}),
    "no credentials file": (
        "basic", lambda b: (b.device.config_dir / "credentials.toml").unlink(), 1,
        {"login": (P, "credentials file /.*No such file", "check c8y.credentials_path")}),
    "credentials file without a password": (
        "basic", lambda b: (b.device.config_dir / "credentials.toml").write_text(
            '[c8y]\nusername = "x"\n'), 1,
        {"login": (P, r"has no password in \[c8y\]", "^Correct this file")}),
    "cloud's name is unknown": (
        "basic", lambda b: b.set(c8y__http="no-such-cloud.invalid"), 1,
        {"dns": (P, "cloud no-such-cloud.invalid:443: no such host",
                 rf"^Check c8y\.http \(/.*{TEDGE_TOML}\) and the device's DNS")}),
    "cloud refuses": (
        "basic", lambda b: b.set(c8y__http=f"127.0.0.1:{b.hold(refusing_port())}"), 1,
        {"tcp": (P, "connection refused", rf"^Check c8y\.http \(/.*{TEDGE_TOML}\)\.$")}),
    "cloud does not answer": (
        "basic", lambda b: (b.device.own(QUICK),
                            b.set(c8y__http=f"127.0.0.1:{b.hold(deaf_port())}")), 1,
        {"tcp": (P, "no answer within 1s", "network and firewall")}),
    "cloud is silent": (
        "basic", lambda b: (b.device.own(QUICK),
                            b.set(c8y__http=f"127.0.0.1:{b.hold(silent_port())}")), 1,
        {"tls": (P, "no answer within 1s", "network and firewall")}),
    "cloud does not speak TLS": (
        "basic", lambda b: b.set(c8y__http=f"127.0.0.1:{b.broker.port}"), 1,
        {"tls": (P, "^cloud ", "c8y.http .*is the tenant's HTTPS address")}),
    "expired certificate": (
        "basic", shows("expired"), 1,
        {"tls": (P, r"has expired; it is for .*; this device's clock says 20\d\d-", "clock")}),
    "device's clock is behind": (
        "basic", shows("not_yet"), 1,
        {"tls": (P, r"not yet valid; it is .*valid from 20\d\d-.*clock says 20\d\d-", "clock")}),
    "certificate of another name": (
        "basic", shows("wrong_name"), 1,
        {"tls": (P, "mismatch; it is for other.test; issued by", rf"^Set c8y\.http \(.*{TEDGE_TOML}")}),
    "unknown authority": (
        "basic", shows("unknown_ca"), 1,
        {"tls": (P, "issued by Unknown CA; .*trusted is what the system trusts and /.*ca.pem",
                 rf"^Check c8y\.root_cert_path \(/.*{TEDGE_TOML}")}),
    "trusted certificates are not there": (
        "basic", lambda b: b.set(c8y__root_cert_path="/nowhere/ca.pem"), 1,
        {"tls": (P, "trusted certificates /nowhere/ca.pem: No such file", "c8y.root_cert_path")}),
    "wrong password for the cloud": (
        "basic", lambda b: b.device.write_credentials(b.cloud.device_user, "wrong"), 1,
        {"upgrade": (P, "login refused with HTTP 401", "certificate or credentials")}),
    "JWT is refused": (
        "certificate", answers(401), 1,
        {"upgrade": (P, "login refused with HTTP 401", "certificate or credentials")}),
    "device may not": (
        "certificate", answers(403), 1,
        {"upgrade": (P, "login refused with HTTP 403", "Cloud Remote Access")}),
    "service is away": (
        "basic", answers(503), 1,
        {"upgrade": (P, "answers with HTTP 503", "cloud's own trouble")}),
    "something else answers": (
        "basic", answers(302), 1,
        {"upgrade": (P, "answers with HTTP 302", rf"^Check c8y\.http \(.*{TEDGE_TOML}")}),
    "another web server": (
        "basic", lambda b: setattr(b.cloud.behaviour, "upgrade", Upgrade(
            status=404, body="<html><h1>404 Not Found</h1>nginx</html>")), 0,
        {"upgrade": (W, "a web page answers: HTTP 404 Not Found: <html>",
                     rf"^Check that c8y\.http \(.*{TEDGE_TOML}\) is the tenant's")}),
    "key was accepted as a bad request": ("basic", answers(400), 0, {}),
    "proxy is down": (
        "basic", lambda b: proxy(b, b.hold(refusing_port())), 1,
        {"proxy": (P, "^proxy 127.0.0.1:.*connection refused",
                   rf"^Check proxy\.address \(/.*{TEDGE_TOML}\)")}),
    "proxy's name is unknown": (
        "basic", lambda b: b.set(proxy__address="no-such-proxy.invalid:3128"), 1,
        {"dns": (P, "^proxy no-such-proxy.invalid:3128: no such host",
                 rf"proxy\.address \(/.*{TEDGE_TOML}\)")}),
    "proxy is silent": (
        "basic", lambda b: (b.device.own(QUICK), proxy(b, b.hold(silent_port()))), 1,
        {"proxy": (P, "^proxy .*no answer within 1s", "proxy.address")}),
    "proxy refuses the login": (
        "basic", lambda b: proxy(b, tiny(b, b.cloud.port, login=("a", "b")), ("a", "wrong")), 1,
        {"proxy": (P, "login refused with HTTP 40[17]",
                   rf"proxy\.username \(/.*{TEDGE_TOML}\) and proxy\.password \(/.*{TEDGE_TOML}\)")}),
    "proxy forbids the cloud": (
        "basic", lambda b: proxy(b, tiny(b, 1)), 1,
        {"proxy": (P, "refused to connect with HTTP 403", "allow and reach c8y.http")}),
    "https proxy of an unknown authority": (
        "basic", lambda b: b.set(proxy__address="https://127.0.0.1:" + str(b.hold(stunnel(
            b.folder / "stunnel", b.cloud.directory / "unknown_ca.pem", b.cloud.port)))), 1,
        {"proxy": (P, "^proxy .*TLS certificate not trusted", "c8y.root_cert_path")}),
    "proxy lets through": ("certificate", lambda b: proxy(b, tiny(b, b.cloud.port)), 0, {}),
    "run folder is not ours": (
        "basic", no_run_folder, 0,
        {"run-folder": (W, "no run folder", rf"setup` as root, or make run\.path \(/.*{TEDGE_TOML}")}),
    "run.path is a file": (
        "basic", lambda b: b.set(run__path="/etc/passwd"), 0,
        {"socket": (W, "there is no /etc/passwd/", "enable --now")}),
    "remote access is switched off": (
        "basic", lambda b: b.device.own("\nenabled = false\n"), 1,
        {"policy": (P, "switched off", r"^Set enabled \(/.*toml:2\) = true")}),
    "approve command is not there": (
        "basic", lambda b: b.device.own('approve = "/nowhere/ask them"\n'), 1,
        {"policy": (P, "no session is approved: .*/nowhere/ask: No such file",
                    r"^Correct approve \(/.*toml:1\), a command that user ")}),
    "approve command is found by no folder of PATH": (
        "basic", lambda b: b.device.own('approve = "ask-nobody-knows"\n'), 1,
        {"policy": (P, "ask-nobody-knows: No such file", r"^Correct approve \(/.*toml:1\)")}),
    "approve command may not be started": (
        "basic", lambda b: approve(b, mode=0o644), 1,
        {"policy": (P, "/ask: Permission denied", r"^Correct approve \(/.*toml:2\)")}),
    "target refuses": (
        "basic", lambda b: b.aim(f"127.0.0.1:{b.hold(refusing_port())}"), 1,
        {"target": (P, "connection refused", r"^Is the service running\?$")}),
    "target is silent": (
        "basic", lambda b: (b.device.own(QUICK), b.aim(f"127.0.0.1:{b.hold(deaf_port())}")), 1,
        {"target": (P, "no answer within 1s", "firewall")}),
    "target is not allowed": (
        "basic", lambda b: b.aim("198.51.100.7:22"), 1,
        {"target": (P, "is not allowed on this device", r"^Add .*(one|rule that covers it) to /.*toml\.$")}),
    "target is nowhere": (
        "basic", lambda b: b.aim("no-such-host.invalid:22"), 1,
        {"target": (P, "no such host", "DNS")}),
}


def judge(bench: Bench, status: int, expected: dict[str, tuple[str, str, str]]) -> None:
    found = check(bench.device, *bench.arguments)
    # Of this kernel, and of these tests, which are thin-edge's user and own the file.
    here = {"policy-file"} | ({"sandbox"} if landlock_version() < 1 else set())
    bad = {name for name, step in found.steps.items() if step["status"] in (P, W)}
    assert bad - here == set(expected) - here, {name: found.steps[name] for name in bad}
    for name, (state, text, cure) in expected.items():
        step = found.steps[name]
        assert step["status"] == state
        assert re.search(text, step["text"]), step
        assert re.search(cure, step["cure"]), step
    assert found.status == status
    broken = {name for name, step in found.steps.items() if step["status"] in (P, "skipped")}
    for name in found.of("skipped"):
        needed = found.steps[name]["text"].removeprefix("needs ")
        assert needed in broken - {name}, found.steps[name]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_by_its_step_with_a_cure(
        make_bench: Callable[..., Bench], fault: str) -> None:
    login, spoil, status, expected = FAULTS[fault]
    bench = make_bench(login)
    spoil(bench)
    judge(bench, status, expected)


SOCKETS: dict[str, tuple[Callable[[Bench], object], int, tuple[str, str, str]]] = {
    "there is none": (lambda _: None, 0, (W, "there is no /.*sock", "enable --now")),
    "nobody listens": (dead_socket, 0, (W, "nobody listens at /.*sock", "systemctl restart")),
    "nobody answers": (
        lambda b: b.hold(silent_port(socket.SOCK_SEQPACKET, str(b.device.socket_path))), 1,
        (P, "no session answers there .said nothing.", "systemctl restart")),
    "another program": (
        lambda b: b.hold(silent_port(socket.SOCK_STREAM, str(b.device.socket_path))), 1,
        (P, "session service /.*sock: connect: ", "systemctl restart")),
}


@pytest.mark.parametrize("fault", SOCKETS)
def test_a_socket_without_a_session_is_told_apart(
        make_bench: Callable[..., Bench], fault: str) -> None:
    spoil, status, expected = SOCKETS[fault]
    bench = make_bench("basic", socket=False)
    spoil(bench)
    judge(bench, status, {"socket": expected})


@needs_landlock
@pytest.mark.release_only
@pytest.mark.parametrize("mode", ["auto", "required"])
@pytest.mark.parametrize("piece", ["landlock", "seccomp"])
def test_a_kernel_without_a_piece_of_the_sandbox_is_told(
        make_bench: Callable[..., Bench], piece: str, mode: str) -> None:
    bench = make_bench("basic")
    bench.device.own(f'sandbox = "{mode}"\n')
    without(bench, piece)
    missing = rf"^the forwarder would run without: (?i:{piece}).*; the session would run without: (?i:{piece})"
    cure = r"sandbox \(/.*toml:1\) = .auto." if mode == "required" else "kernel or container"
    state, status = (P, 1) if mode == "required" else (W, 0)
    judge(bench, status, {"sandbox": (state, missing, cure)})


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become thin-edge's user")
def test_rules_that_thin_edges_user_can_change_are_a_warning(
        make_bench: Callable[..., Bench]) -> None:
    bench = make_bench("basic", socket=False)
    device = bench.device
    (device.config_dir / "system.toml").write_text('user = "nobody"\ngroup = "nogroup"\n')
    device.own('approve = "/bin/true"\n')
    device.run_as_nobody()
    found = check(device)
    assert (found.status, found.steps["policy-file"]["status"]) == (0, W)
    assert "user nobody can change" in found.steps["policy-file"]["text"]
    assert re.search("chown root:root /.* && chattr ", found.steps["policy-file"]["cure"])
    for path in (device.owner_file.parent, device.owner_file):
        os.chown(path, 0, 0)
    assert check(device).steps["policy-file"]["status"] == "ok"
    os.chown(device.owner_file.parent, 65534, 65534)  # then it can be replaced
    assert check(device).steps["policy-file"]["status"] == W


def test_rules_nobody_made_need_no_protection(make_bench: Callable[..., Bench]) -> None:
    """A warning that every stock device has is one that nobody reads."""
    assert check(make_bench("basic").device).steps["policy-file"]["text"] == (
        "no rules of the owner's to protect")
