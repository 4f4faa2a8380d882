# SPDX-License-Identifier: Apache-2.0
"""Makes .deb files: of what a test describes, and of another .deb under a higher version.

dpkg-deb can give a file only numbers for its owner; thin-edge's packages name `tedge`, who has no
number on the machine that builds.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class File:
    content: bytes
    mode: int = 0o644
    owner: str = "root"


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    depends: str = ""
    files: dict[str, File] = field(default_factory=dict)  # by absolute path
    conffiles: tuple[str, ...] = ()
    scripts: dict[str, bytes] = field(default_factory=dict)

    def build(self, folder: Path) -> Path:
        path = folder / f"{self.name}_{self.version}_all.deb"
        path.write_bytes(_archive({"debian-binary": b"2.0\n", "control.tar.gz": self._control(),
                                   "data.tar.gz": _tar(self.files)}))
        return path

    def _control(self) -> bytes:
        fields = {"Package": self.name, "Version": self.version, "Architecture": "all",
                  "Maintainer": "tests <tests@example.com>", "Depends": self.depends,
                  "Description": f"stand-in for {self.name}"}
        text = "".join(f"{name}: {value}\n" for name, value in fields.items() if value)
        files = {"/control": File(text.encode())}
        if self.conffiles:
            files["/conffiles"] = File("".join(f"{path}\n" for path in self.conffiles).encode())
        files.update({f"/{name}": File(content, 0o755) for name, content in self.scripts.items()})
        return _tar(files)


def _tar(files: dict[str, File]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w:gz", format=tarfile.GNU_FORMAT) as tar:
        folders = {str(parent) for path in files for parent in Path(path).parents}
        for folder in sorted(folders):
            entry = tarfile.TarInfo("./" + folder.strip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            entry.uname = entry.gname = "root"
            tar.addfile(entry)
        for path, file in sorted(files.items()):
            entry = tarfile.TarInfo("." + path)
            entry.size, entry.mode, entry.uname, entry.gname = \
                len(file.content), file.mode, file.owner, "root"
            tar.addfile(entry, io.BytesIO(file.content))
    return output.getvalue()


def _archive(members: dict[str, bytes]) -> bytes:
    """ar(5), as deb(5) wants it."""
    output = b"!<arch>\n"
    for name, content in members.items():
        output += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        output += content + b"\n" * (len(content) % 2)
    return output


def field_of(deb: Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "-f", str(deb), name], capture_output=True, text=True,
                          check=True).stdout.strip()


def with_version(deb: Path, version: str, folder: Path) -> Path:
    """The same package once more, as if it were another release."""
    with tempfile.TemporaryDirectory(dir=folder) as unpacked:
        subprocess.run(["dpkg-deb", "-R", str(deb), unpacked], check=True)
        control = Path(unpacked, "DEBIAN/control")
        lines = [f"Version: {version}" if line.startswith("Version:") else line
                 for line in control.read_text().splitlines()]
        control.write_text("\n".join(lines) + "\n")
        path = folder / f"{field_of(deb, 'Package')}_{version}.deb"
        subprocess.run(["dpkg-deb", "-b", "--root-owner-group", "-Zgzip", unpacked, str(path)],
                       check=True, stdout=subprocess.DEVNULL)
    return path


def architecture() -> str:
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True,
                          check=True).stdout.strip()
