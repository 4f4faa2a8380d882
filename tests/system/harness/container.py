# SPDX-License-Identifier: Apache-2.0
"""A Debian that boots: a cheap copy of the root, in systemd-nspawn.

All its mounts and processes are in a mount and a process namespace that one process holds, and
that one dies with the test process (PR_SET_PDEATHSIG). So whatever happens, nothing stays mounted
and nothing runs on; nspawn alone leaves its container behind when it is killed.
The network is the machine's own: a port of 127.0.0.1 is the same inside and outside.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
from pathlib import Path

from e2e.harness.services import program
from e2e.harness.waiting import wait_until

from .control_groups import ControlGroup

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "PYTHONPATH": "/opt/tests:/opt/python", "PYTHONDONTWRITEBYTECODE": "1",
                "HOME": "/root", "LANG": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive",
                "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"}
_HOLD = """
mount -t tmpfs -o mode=755 remote-access-test "$2" && mkdir "$2/upper" "$2/work" "$2/root" &&
mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root" &&
echo held && exec sleep infinity
"""
# The sandbox of the product needs them, and nspawn's own filter lacks them.
_SYSTEM_CALLS = "seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self"
_AS_USER = 'exec setpriv --reuid="$0" --regid="$(id -g "$0")" --init-groups -- "$@"'
_INITS = ("systemd", "(sd-stubinit)")
_count = itertools.count()


def _status(pid: int, field: str) -> list[str]:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return line.split()[1:]
    return []  # it has ended


def namespace_ids(pid: int) -> list[str]:
    """The pids it has, from the outermost namespace that we see to its own."""
    return _status(pid, "NSpid")


def name_of(pid: int) -> str:
    return " ".join(_status(pid, "Name"))


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [int(child) for child in found.split()]
    return []


def descendants(pid: int) -> list[int]:
    return [one for child in children(pid) for one in (child, *descendants(child))]


class NoBoot(Exception):
    """This machine cannot boot a container; the text says how far it came."""


class Container:
    def __init__(self, lower: Path, folder: Path, shown: dict[Path, str] | None = None) -> None:
        """`shown`: files of the machine that are visible inside, read-only."""
        self.name = f"ra-{os.getpid()}-{next(_count)}"
        self.folder = folder
        folder.mkdir(parents=True)
        self.console = folder / "console.log"
        self._mounts = folder / "mounts"
        self._mounts.mkdir()
        self._shown = shown or {}
        self._group = ControlGroup(self.name)
        self._nspawn: subprocess.Popen[bytes] | None = None
        self.init = 0  # pid of the first process inside, as seen from outside
        self._holder = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private",
             "--pid", "--fork", "--kill-child", "--mount-proc",
             "sh", "-c", _HOLD, "hold", str(lower), str(self._mounts)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert self._holder.stdout is not None and self._holder.stderr is not None
        if self._holder.stdout.readline() != b"held\n":
            raise NoBoot("cannot mount: " + self._holder.stderr.read().decode().strip())
        self._held = children(self._holder.pid)[0]  # process 1 of the namespace

    def path(self, inside: str) -> Path:
        """A file of the container, booted or not. /run is there only while it is booted."""
        root = f"/proc/{self.init}/root" if self.init else \
            f"/proc/{self._held}/root{self._mounts}/root"
        return Path(root + inside)

    def boot(self, timeout: float = 60) -> None:
        self._start(["--boot"])

        def is_up() -> bool:
            self._check_alive()
            state = self.run("systemctl is-system-running", check=False).stdout.strip()
            return state in ("running", "degraded")

        self._wait(is_up, timeout)

    def start_without_systemd(self) -> None:
        """As a device with another init: nothing but a process that waits."""
        self._start(["--as-pid2", "sleep", "infinity"])

    def _start(self, arguments: list[str]) -> None:
        assert self._nspawn is None
        options, command = arguments[:1], arguments[1:]
        binds = [f"--bind-ro={outside}:{inside}" for outside, inside in self._shown.items()]
        argv = [program("systemd-nspawn"), "--quiet", "--register=no", "--keep-unit",
                "--link-journal=no", f"--machine={self.name}", "--console=pipe",
                f"--system-call-filter={_SYSTEM_CALLS}", *binds,
                f"--directory={self._mounts / 'root'}", *options, *command]
        with self.console.open("ab") as console:
            self._nspawn = subprocess.Popen(
                ["nsenter", "--mount", "--pid", f"--target={self._held}",
                 *self._group.joining(), *argv],
                stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        self._wait(self._find_init, 20)

    def _wait(self, condition: object, timeout: float) -> None:
        try:
            wait_until(condition, timeout, "the container's start")  # type: ignore[arg-type]
        except TimeoutError as error:
            raise NoBoot(f"{error}; its console: {self.last_words()}") from None

    def _check_alive(self) -> None:
        assert self._nspawn is not None
        if self._nspawn.poll() is not None:
            raise NoBoot(f"systemd-nspawn ended with {self._nspawn.returncode}: "
                         f"{self.last_words()}")

    def last_words(self) -> str:
        return self.console.read_text(errors="replace")[-800:].strip()

    def _find_init(self) -> bool:
        """Process 1 of the innermost namespace, once it runs its payload."""
        self._check_alive()
        assert self._nspawn is not None
        depth = len(namespace_ids(self._held)) + 1
        for pid in descendants(self._nspawn.pid):
            ids = namespace_ids(pid)
            if len(ids) == depth and ids[-1] == "1" and name_of(pid) in _INITS:
                self.init = pid
        return self.init != 0

    def command(self, words: list[str], user: str | None = None) -> list[str]:
        """The argv that runs `words` inside, for a caller's own Popen."""
        assert self.init, "the container is not running"
        environment = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        drop = ["sh", "-c", _AS_USER, user] if user else []
        return ["nsenter", "--all", f"--target={self.init}", "env", "-i", *environment, *drop,
                *words]

    def run(self, script: str, *, check: bool = True, user: str | None = None,
            timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """A shell script inside; stderr is in stdout, as a terminal would show it."""
        done = subprocess.run(self.command(["sh", "-c", script], user), text=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, errors="replace")
        if check and done.returncode != 0:
            raise AssertionError(f"status {done.returncode} of: {script}\n{done.stdout}")
        return done

    def start(self, script: str) -> subprocess.Popen[bytes]:
        """The same in the background."""
        return subprocess.Popen(self.command(["sh", "-c", script]), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def output(self, script: str) -> str:
        return self.run(script).stdout.strip()

    def power_off(self, timeout: float = 30) -> None:
        """As the device's owner does; the disk stays for the next boot."""
        assert self._nspawn is not None
        self.run("systemctl poweroff", check=False)
        self._nspawn.wait(timeout)
        self._nspawn, self.init = None, 0

    def cut_power(self, timeout: float = 30) -> None:
        """Process 1 is killed, and with it all others, none of which is asked; /run is gone."""
        assert self._nspawn is not None
        os.kill(self.init, signal.SIGKILL)
        self._nspawn.wait(timeout)
        self._nspawn, self.init = None, 0

    def close(self) -> None:
        self._holder.kill()
        self._holder.wait(10)
        if self._nspawn is not None:
            self._nspawn.wait(10)
        self._nspawn, self.init = None, 0
        self._group.remove()
        for pipe in (self._holder.stdout, self._holder.stderr):
            assert pipe is not None
            pipe.close()
