"""The cluster's own certificate authority and secrets, made once and kept in ``<state>/pki``.

Real clients only send credentials over TLS, so even a loopback cluster needs certificates. The authority signs
nothing but this cluster's server, its administrator, and the clients that the API is to servers and nodes; no
machine-wide trust store is touched, because the kubeconfig carries the authority's certificate. Everything is private
to the user: files 0600 in a folder 0700.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import secrets
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from raglab.pocket.files import write_private

AUTHORITY_LIFE = dt.timedelta(days=3650)
LEAF_LIFE = dt.timedelta(days=365)
RENEW_BEFORE = dt.timedelta(days=30)
"""Leaf certificates are made anew at a start this close to their end."""
ADMIN_GROUP = "system:masters"
"""The group that Kubernetes lets do everything; it is the organisation in the administrator's certificate."""


@dataclass(frozen=True, slots=True)
class Pki:
    """Paths and secrets of one cluster."""

    folder: Path
    token: str
    """Bearer token of the administrator."""
    token_key: bytes
    """Key with which ServiceAccount tokens are signed."""

    @property
    def authority(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def front_proxy(self) -> Path:
        """The certificate that the API shows to servers behind it, without its suffix."""
        return self.folder / "front-proxy-client"

    @property
    def kubelet_client(self) -> Path:
        """The certificate that the API shows to kubelets, without its suffix."""
        return self.folder / "apiserver-kubelet-client"

    def server_context(self) -> ssl.SSLContext:
        """TLS 1.2 or later; a client may show a certificate of our authority instead of a token."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.authority))
        context.load_cert_chain(self.folder / "server.crt", self.folder / "server.key")
        context.verify_mode = ssl.CERT_OPTIONAL
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def ensure(folder: Path, names: Iterable[str], admin: str) -> Pki:
    """Make what is missing or about to expire and return the whole. `names` are host names and addresses of the
    server, `admin` is the user name in the administrator's certificate.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    names = list(dict.fromkeys(names))
    if not (folder / "ca.crt").exists():  # written after its key
        _make_authority(folder)
    if _stale(folder / "server.crt", names):
        _make_leaf(folder, "server", x509.Name([_attribute(NameOID.COMMON_NAME, names[0])]), names)
    if _stale(folder / "admin.crt", []):
        subject = [(NameOID.ORGANIZATION_NAME, ADMIN_GROUP), (NameOID.COMMON_NAME, admin)]
        _make_leaf(folder, "admin", x509.Name([_attribute(*item) for item in subject]), [])
    if _stale(folder / "front-proxy-client.crt", []):
        name = _attribute(NameOID.COMMON_NAME, "front-proxy-client")
        _make_leaf(folder, "front-proxy-client", x509.Name([name]), [])
    if _stale(folder / "apiserver-kubelet-client.crt", []):
        name = _attribute(NameOID.COMMON_NAME, "kube-apiserver-kubelet-client")
        _make_leaf(folder, "apiserver-kubelet-client", x509.Name([name]), [])
    token = _kept(folder / "token", lambda: secrets.token_urlsafe(32).encode())
    return Pki(
        folder, token.decode(), _kept(folder / "service-accounts.key", lambda: secrets.token_bytes(32))
    )


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    if not path.exists():
        write_private(path, make())
    return path.read_bytes()


def _attribute(oid: x509.ObjectIdentifier, value: str) -> x509.NameAttribute[str]:
    return x509.NameAttribute(oid, value)


def _stale(path: Path, names: list[str]) -> bool:
    """Whether a certificate is missing, close to its end, of another key or authority, or for other names."""
    if not path.exists():
        return True
    certificate = x509.load_pem_x509_certificate(path.read_bytes())
    authority = x509.load_pem_x509_certificate((path.parent / "ca.crt").read_bytes())
    if certificate.not_valid_after_utc - dt.datetime.now(dt.UTC) < RENEW_BEFORE:
        return True
    if certificate.issuer != authority.subject or not _belongs(certificate, path.with_suffix(".key")):
        return True
    if not names:
        return False
    listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in listed} != set(names)


def _belongs(certificate: x509.Certificate, file: Path) -> bool:
    """Whether the key in a file is the certificate's: a kill may have come between writing one and the other."""
    if not file.exists():
        return False
    return _load_key(file).public_key() == certificate.public_key()


def _load_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(file.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _make_authority(folder: Path) -> None:
    # the random part tells authorities apart: clients look an issuer up by name
    name = x509.Name([_attribute(NameOID.COMMON_NAME, f"pocket-cluster-ca-{secrets.token_hex(4)}")])
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key, AUTHORITY_LIFE).add_extension(
        x509.BasicConstraints(True, 0), critical=True
    )
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    _save(folder, "ca", key, builder.add_extension(usage, critical=True).sign(key, hashes.SHA256()))


def _make_leaf(folder: Path, stem: str, subject: x509.Name, names: list[str]) -> None:
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    signer = _load_key(folder / "ca.key")
    key = ec.generate_private_key(ec.SECP256R1())
    usage = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = _builder(subject, authority.subject, key, LEAF_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = builder.add_extension(identifier, critical=False)
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(n) for n in names]), critical=False
        )
    _save(folder, stem, key, builder.sign(signer, hashes.SHA256()))


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, life: dt.timedelta
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(
        now - dt.timedelta(minutes=5)
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return builder.not_valid_after(now + life).add_extension(identifier, critical=False)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _save(folder: Path, stem: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    write_private(folder / f"{stem}.key", key.private_bytes(encoding, form, serialization.NoEncryption()))
    write_private(folder / f"{stem}.crt", certificate.public_bytes(encoding))


def server_names(service_cidr: str, *addresses: str) -> list[str]:
    """Every name under which the API is reached: by clients on this machine, and by pods as ``kubernetes``."""
    network = ipaddress.ip_network(service_cidr)
    inside = (
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    )
    return list(dict.fromkeys(["127.0.0.1", "localhost", "::1", *inside, str(network[1]), *addresses]))
