# SPDX-License-Identifier: Apache-2.0
"""The private CA, the certificates the cloud can show, and the TLS contexts made of them."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

NAMES = ("localhost", "cloud.test")
ADDRESSES = ("127.0.0.1", "::1")
KINDS = ("good", "expired", "not_yet", "wrong_name", "self_signed", "unknown_ca", "names_only",
         "addresses_only")

Pair = tuple[x509.Certificate, ec.EllipticCurvePrivateKey]


def _days(count: int) -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=count)


def _make(name: str, issuer: Pair | None, *, ca: bool = False, starts: int = -30, ends: int = 365,
          sans: Sequence[x509.GeneralName] = ()) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer_name, issuer_key = (issuer[0].subject, issuer[1]) if issuer else (subject, key)
    builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer_name)
               .public_key(key.public_key()).serial_number(x509.random_serial_number())
               .not_valid_before(_days(starts)).not_valid_after(_days(ends))
               .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
               .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
               .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                   issuer_key.public_key()), False)
               .add_extension(_usage(ca), critical=True))
    if sans:
        builder = builder.add_extension(x509.SubjectAlternativeName(sans), critical=False)
    if not ca:
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256()), key


def _usage(ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=ca, crl_sign=ca, content_commitment=False,
        key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


class Certificates:
    """Writes all files into `directory` and hands out server contexts by kind."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self._contexts: dict[tuple[str, str | None], ssl.SSLContext] = {}
        ca = _make("Stand-in Cloud CA", None, ca=True)
        unknown = _make("Unknown CA", None, ca=True)
        self.ca_folder = directory / "ca"
        self.ca_folder.mkdir(exist_ok=True)
        self.ca_file = self.ca_folder / "ca.pem"
        self.ca_file.write_bytes(_pem(ca[0]))

        names: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
        addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
        good = [*names, *addresses]
        wrong: list[x509.GeneralName] = [x509.DNSName("other.test")]
        pairs = {
            "good": _make("cloud.test", ca, sans=good),
            "expired": _make("cloud.test", ca, sans=good, starts=-20, ends=-1),
            "not_yet": _make("cloud.test", ca, sans=good, starts=10, ends=365),
            "wrong_name": _make("other.test", ca, sans=wrong),
            "self_signed": _make("cloud.test", None, sans=good),
            "unknown_ca": _make("cloud.test", unknown, sans=good),
            "names_only": _make("cloud.test", ca, sans=names),
            "addresses_only": _make("cloud.test", ca, sans=addresses),
        }
        for kind, (certificate, key) in pairs.items():
            (directory / f"{kind}.pem").write_bytes(_pem(certificate) + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption()))

    def context(self, kind: str, version: str | None = None) -> ssl.SSLContext:
        """A server context that shows certificate `kind`, and speaks only `version`."""
        if kind not in KINDS:
            raise ValueError(f"no certificate {kind!r}; there are {', '.join(KINDS)}")
        context = self._contexts.get((kind, version))
        if context is None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            if version:
                only = ssl.TLSVersion["TLSv" + version.replace(".", "_")]
                if version == "1.1":
                    context.set_ciphers("ALL:@SECLEVEL=0")
                context.minimum_version = context.maximum_version = only
            context.load_cert_chain(self.directory / f"{kind}.pem")
            self._contexts[kind, version] = context
        return context
