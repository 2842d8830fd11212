"""Certificates over a real TLS connection, and files only their owner can read."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import stat
import threading

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from raglab.pocket import kubeconfig, pki

NAMES = pki.server_names("127.96.0.0/16")


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> pki.Pki:
    return pki.ensure(tmp_path_factory.mktemp("state") / "pki", NAMES, "minikube-user")


def test_files_are_private(made):
    assert stat.S_IMODE(made.folder.stat().st_mode) == 0o700
    for path in made.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_a_second_start_keeps_everything(made):
    before = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    again = pki.ensure(made.folder, NAMES, "minikube-user")
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == before
    assert (again.token, again.token_key) == (made.token, made.token_key)


def test_another_name_needs_another_certificate(made, tmp_path):
    folder = tmp_path / "pki"
    pki.ensure(folder, NAMES, "minikube-user")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    pki.ensure(folder, [*NAMES, "127.0.0.2"], "minikube-user")
    changed = {name for name, content in before.items() if (folder / name).read_bytes() != content}
    assert changed == {"server.crt", "server.key"}


def test_certificates_are_renewed_before_they_end(made, tmp_path, monkeypatch):
    folder = tmp_path / "pki"
    monkeypatch.setattr(pki, "LEAF_LIFE", dt.timedelta(days=20))
    pki.ensure(folder, NAMES, "minikube-user")
    before = (folder / "server.crt").read_bytes()
    monkeypatch.undo()
    pki.ensure(folder, NAMES, "minikube-user")
    assert (folder / "server.crt").read_bytes() != before


def handshake(made: pki.Pki, client: ssl.SSLContext, name: str) -> dict:
    """The client certificate's facts as the server sees them."""
    seen: list[dict] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            try:
                with made.server_context().wrap_socket(connection, server_side=True) as secured:
                    seen.append(secured.getpeercert() or {})
                    secured.sendall(b"x")
            except ssl.SSLError:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with (
                socket.create_connection(listener.getsockname()) as plain,
                client.wrap_socket(plain, server_hostname=name) as secured,
            ):
                secured.recv(1)
        finally:
            thread.join()
    return seen[0]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "kubernetes.default.svc", "127.96.0.1"])
def test_clients_trust_the_server_under_its_names(made, name):
    assert handshake(made, ssl.create_default_context(cafile=str(made.authority)), name) == {}


def test_other_names_are_not_trusted(made):
    with pytest.raises(ssl.SSLError):
        handshake(made, ssl.create_default_context(cafile=str(made.authority)), "example.com")


def test_the_administrators_certificate_is_recognised(made):
    client = ssl.create_default_context(cafile=str(made.authority))
    client.load_cert_chain(made.folder / "admin.crt", made.folder / "admin.key")
    subject = dict(pair for part in handshake(made, client, "localhost")["subject"] for pair in part)
    assert subject == {"organizationName": "system:masters", "commonName": "minikube-user"}


def test_a_certificate_of_another_authority_is_refused(made, tmp_path):
    stranger = pki.ensure(tmp_path / "pki", NAMES, "minikube-user")
    client = ssl.create_default_context(cafile=str(made.authority))
    client.load_cert_chain(stranger.folder / "admin.crt", stranger.folder / "admin.key")
    with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
        handshake(made, client, "localhost")


def test_the_kubeconfig_is_complete_and_private(made, tmp_path):
    path = tmp_path / "kubeconfig"
    kubeconfig.write(path, server="https://127.0.0.1:1", context="minikube", pki=made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    config = yaml.safe_load(path.read_text())
    assert config["current-context"] == config["contexts"][0]["name"] == "minikube"
    assert config["contexts"][0]["context"]["namespace"] == "default"
    assert set(config["users"][0]["user"]) == {"client-certificate-data", "client-key-data"}


@pytest.mark.parametrize("name", ["server", "admin", "front-proxy-client"])
def test_a_kill_between_key_and_certificate_is_made_good(tmp_path, name):
    """The next start finds a key that is not the certificate's, or a key alone."""
    pki.ensure(tmp_path, ["localhost"], "admin")
    (tmp_path / f"{name}.key").write_bytes((tmp_path / "ca.key").read_bytes())
    pki.ensure(tmp_path, ["localhost"], "admin").server_context()
    (tmp_path / f"{name}.crt").unlink()
    pki.ensure(tmp_path, ["localhost"], "admin").server_context()
    certificate = x509.load_pem_x509_certificate((tmp_path / f"{name}.crt").read_bytes())
    key = serialization.load_pem_private_key((tmp_path / f"{name}.key").read_bytes(), None)
    assert certificate.public_key() == key.public_key()


def test_an_authority_that_is_half_there_is_made_anew(tmp_path):
    pki.ensure(tmp_path, ["localhost"], "admin")
    (tmp_path / "ca.crt").unlink()
    pki.ensure(tmp_path, ["localhost"], "admin").server_context()
