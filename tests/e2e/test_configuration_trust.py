# SPDX-License-Identifier: Apache-2.0
"""What c8y.root_cert_path may be: a file, a folder of any kind, and what is wrong beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud import Cloud

from .harness.device import Device
from .harness.expect import check_fails, check_reaches
from .harness.services import program

UNTRUSTED = "^cloud 127.0.0.1:[0-9]+: TLS certificate not trusted: .*c8y.root_cert_path"


@pytest.fixture
def device(make_device: Callable[..., Device]) -> Device:
    return make_device()


@pytest.fixture
def folder(device: Device) -> Path:
    """c8y.root_cert_path, empty."""
    path = device.root / "roots"
    path.mkdir()
    device.settings["c8y.root_cert_path"] = str(path)
    return path


@pytest.fixture
def other(cloud: Cloud) -> Path:
    """A certificate that is fine and has nothing to do with the cloud's."""
    return cloud.directory / "self_signed.pem"


def rehash(folder: Path) -> None:
    subprocess.run([program("openssl"), "rehash", str(folder)], check=True, capture_output=True)
    assert list(folder.glob("????????.0"))


def warnings(device: Device) -> str:
    return "\n".join(line.text for line in device.journal.lines
                     if line.severity == 4 and "sandbox: " not in line.text)


def test_a_file_is_trusted(cloud: Cloud, device: Device) -> None:
    device.settings["c8y.root_cert_path"] = str(cloud.ca_file)
    device.start()
    check_reaches(cloud)
    assert warnings(device) == ""


def test_a_file_of_many_certificates_is_trusted(
        cloud: Cloud, device: Device, other: Path) -> None:
    bundle = device.root / "bundle.txt"
    bundle.write_text("# several\n" + other.read_text() + "\n" + cloud.ca_file.read_text())
    device.settings["c8y.root_cert_path"] = str(bundle)
    device.start()
    check_reaches(cloud)


@pytest.mark.parametrize(("name", "hashed"), [
    ("ca.pem", True), ("ca.crt", True), ("ca.pem", False), ("ca.crt", False), ("ca", False)])
def test_a_folder_is_trusted(
        cloud: Cloud, device: Device, folder: Path, other: Path, name: str, hashed: bool) -> None:
    shutil.copy(cloud.ca_file, folder / name)
    shutil.copy(other, folder / "other.pem")
    if hashed:
        rehash(folder)
    device.start()
    check_reaches(cloud)
    assert warnings(device) == ""


def test_a_file_that_came_after_the_hash_links_is_trusted(
        cloud: Cloud, device: Device, folder: Path, other: Path) -> None:
    """Copied into /etc/ssl/certs and never rehashed: thin-edge reads every file."""
    shutil.copy(other, folder / "other.pem")
    rehash(folder)
    shutil.copy(cloud.ca_file, folder / "added-later.crt")
    device.start()
    check_reaches(cloud)


@pytest.mark.parametrize("hashed", [True, False], ids=["hash links", "no hash links"])
def test_folders_within_are_trusted(
        cloud: Cloud, device: Device, folder: Path, other: Path, hashed: bool) -> None:
    """thin-edge's rec_add_root_cert()."""
    shutil.copy(other, folder / "other.pem")
    if hashed:
        rehash(folder)
    (folder / "one" / "two").mkdir(parents=True)
    shutil.copy(cloud.ca_file, folder / "one" / "two" / "ca.pem")
    (folder / "one" / "again").symlink_to(folder)  # no end, if it were followed blindly
    device.start()
    check_reaches(cloud)


def test_a_link_to_a_file_and_one_to_a_folder_are_followed(
        cloud: Cloud, device: Device, folder: Path) -> None:
    (folder / "ca").symlink_to(cloud.ca_folder)
    (folder / "dangling.pem").symlink_to("/nowhere.pem")
    device.start()
    check_reaches(cloud)


JUNK = {
    "text": b"this is no certificate\n",
    "empty": b"",
    "broken": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "cut": b"-----BEGIN CERTIFICATE-----\nMIIB",
    "bytes": bytes(range(256)) * 40,
}


@pytest.mark.parametrize("hashed", [True, False], ids=["hash links", "no hash links"])
@pytest.mark.parametrize("junk", [pytest.param(junk, id=name) for name, junk in JUNK.items()])
def test_junk_beside_the_good_file_is_a_warning(
        cloud: Cloud, device: Device, folder: Path, junk: bytes, hashed: bool) -> None:
    shutil.copy(cloud.ca_file, folder / "ca.pem")
    if hashed:
        rehash(folder)
    (folder / "0-junk.pem").write_bytes(junk)
    device.start()
    check_reaches(cloud)
    assert f"no certificate can be read from {folder}/0-junk.pem" in warnings(device)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
def test_an_unreadable_file_and_folder_beside_the_good_file_are_warnings(
        cloud: Cloud, device: Device, folder: Path) -> None:
    shutil.copy(cloud.ca_file, folder / "ca.pem")
    shutil.copy(cloud.ca_file, folder / "0.pem")
    (folder / "0.pem").chmod(0)
    (folder / "shut").mkdir(mode=0)
    device.run_as_nobody()
    device.start()
    check_reaches(cloud)
    assert f"no certificate can be read from {folder}/0.pem" in warnings(device)
    assert f"trust folder {folder}/shut: Permission denied" in warnings(device)


@pytest.mark.parametrize("content", ["missing", "empty folder", "junk file"])
def test_without_the_authority_the_cloud_is_not_trusted_and_the_log_says_why(
        cloud: Cloud, device: Device, folder: Path, content: str) -> None:
    if content == "missing":
        folder.rmdir()
    elif content == "junk file":
        folder.rmdir()
        folder.write_text("junk")
    device.start()
    check_fails(cloud, device, UNTRUSTED)
    expected = {"missing": f"trusted certificates {folder}: No such file or directory",
                "empty folder": "", "junk file": f"no certificate can be read from {folder}"}
    assert expected[content] in warnings(device)


def test_the_trust_of_other_clouds_and_profiles_counts_too(
        cloud: Cloud, device: Device, folder: Path) -> None:
    device.settings["az.profiles.factory.root_cert_path"] = str(cloud.ca_file)
    device.start()
    check_reaches(cloud)


def test_a_relative_path_is_below_the_root_for_every_process(
        cloud: Cloud, device: Device, folder: Path) -> None:
    """As for thin-edge's services, whose folder is /; the plugin's own (tmp.path) may belong to
    anybody."""
    planted = device.tmp_path / "tmp-roots"
    planted.mkdir()
    shutil.copy(cloud.ca_file, planted)
    device.settings["c8y.root_cert_path"] = "tmp-roots"
    device.start()
    check_fails(cloud, device, UNTRUSTED)
    assert "trusted certificates /tmp-roots: No such file or directory" in warnings(device)
    device.settings["c8y.root_cert_path"] = str(cloud.ca_file).removeprefix("/")
    device.write_settings()
    check_reaches(cloud)
