# SPDX-License-Identifier: Apache-2.0
"""thin-edge's packages as .deb files; ../thin_edge/README.md says what they are."""

from __future__ import annotations

from pathlib import Path

from .deb import File, Package

PARTS = Path(__file__).resolve().parents[1] / "thin_edge"
OPERATION = "/etc/tedge/operations/c8y/c8y_RemoteAccessConnect"
FULL = ["tedge", "tedge-mapper", "tedge-agent", "tedge-watchdog", "tedge-apt-plugin",
        "c8y-remote-access-plugin", "c8y-firmware-plugin", "tedge-full"]
_UNITS = "/lib/systemd/system"


def _part(name: str) -> bytes:
    return (PARTS / name).read_bytes()


def _scripts(package: str, *names: str) -> dict[str, bytes]:
    return {name: _part(f"{package}/{name}") for name in names}


def tedge(version: str) -> Package:
    return Package("tedge", version, scripts=_scripts("tedge", "preinst", "postinst", "postrm"),
                   files={"/usr/bin/tedge": File(_part("tedge/usr_bin_tedge"), 0o755)})


def mapper(version: str) -> Package:
    unit = "tedge-mapper-c8y.service"
    return Package("tedge-mapper", version, depends="tedge",
                   scripts=_scripts("tedge-mapper", "postinst", "prerm"),
                   files={f"{_UNITS}/{unit}": File(_part(f"tedge-mapper/{unit}"))})


def stock_plugin(version: str, more: bytes = b"") -> Package:
    """`more` goes into its conffile, as if thin-edge had changed what it ships."""
    name = "c8y-remote-access-plugin"
    units = [f"{name}.socket", f"{name}@.service"]
    files = {f"{_UNITS}/{unit}": File(_part(f"{name}/{unit}")) for unit in units}
    files[OPERATION] = File(_part(f"{name}/c8y_RemoteAccessConnect") + more, owner="tedge")
    return Package(name, version, depends="tedge", files=files, conffiles=(OPERATION,),
                   scripts=_scripts(name, "postinst", "prerm", "postrm"))


def full(version: str) -> Package:
    exact = [f"{name} (= {version})" for name in FULL[:-1]]
    return Package("tedge-full", version, depends=", ".join(["mosquitto", *exact]))


def build_all(folder: Path, version: str, conffile_more: bytes = b"") -> list[Path]:
    """tedge-full and what it depends on, in the order in which dpkg takes them."""
    packages = [tedge(version), mapper(version), stock_plugin(version, conffile_more),
                full(version)]
    packages += [Package(name, version, depends="tedge") for name in FULL
                 if name not in {package.name for package in packages}]
    # The real one would listen on 1883 of this machine.
    packages.append(Package("mosquitto", "2.0.11"))
    return [package.build(folder) for package in packages]
