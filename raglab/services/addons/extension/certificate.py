"""The certificate a server behind the API serves with: its own, unless it is given one.

Its APIServices say ``insecureSkipTLSVerify``, because nobody signed this one.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_LIFE = datetime.timedelta(days=365)


def context(certificate: Path, key: Path, name: str, authority: str = "") -> ssl.SSLContext:
    """A server context; a missing pair of files is made first, in this name.

    Clients may show a certificate, which must be signed by `authority` (PEM).
    """
    if not certificate.exists() or not key.exists():
        _make(certificate, key, name)
    found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.load_cert_chain(certificate, key)
    if authority:
        found.load_verify_locations(cadata=authority)
        found.verify_mode = ssl.CERT_OPTIONAL
    return found


def _make(certificate: Path, key: Path, called: str) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, called)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    builder = x509.CertificateBuilder(name, name, private.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + _LIFE)
    signed = builder.add_extension(x509.SubjectAlternativeName(names), critical=False).sign(
        private, hashes.SHA256()
    )
    encoded = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for file in (certificate, key):
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file_object:
        file_object.write(encoded)
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
