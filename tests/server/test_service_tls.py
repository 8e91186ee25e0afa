"""TLS: a service with a certificate of the lab's own, reached by its name, with a key, by program and by command."""

import os
import re
import socket
import subprocess
import sys

import httpx
import pytest
import trustme

from labctl.client import Client
from labctl.core.errors import ServiceError
from labctl.ledger.engine import migrate, open_ledger
from labctl.ledger.values import Role


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def served(authority, tmp_path_factory):
    """The address of a service, an admin's key, and the file of the authority."""
    folder = tmp_path_factory.mktemp("tls")
    migrate(folder / "home")
    with open_ledger(folder / "home") as ledger:
        secret = ledger.keys.add("ada", Role.ADMIN)[1]
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    with (folder / "chain.pem").open("wb") as file:
        for part in certificate.cert_chain_pems:
            file.write(part.bytes())
    words = ["--home", folder / "home", "--port", "0", "--until-stdin-closes", "--require-keys"]
    tls = ["--tls-certificate", folder / "chain.pem", "--tls-key", folder / "key.pem"]
    with subprocess.Popen(
        [sys.executable, "-m", "labctl_server", *map(str, [*words, *tls])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        port = re.search(r"https://127\.0\.0\.1:(\d+)", process.stdout.readline()).group(1)
        yield f"https://localhost:{port}", secret, folder / "ca.pem"
        process.stdin.close()
        assert process.wait(20) == 0


def test_the_labs_own_authority_is_believed_when_it_is_named(served, monkeypatch):
    url, secret, ca = served
    with Client(url, key=secret) as lab, pytest.raises(ServiceError, match="certificate verify failed"):
        lab.api_keys()
    monkeypatch.setenv("LABCTL_CA", str(ca))
    with Client(url, key=secret) as lab:
        assert [key.owner for key in lab.api_keys()] == ["ada"]
    with Client(url.replace("localhost", "127.0.0.1"), key=secret) as lab, pytest.raises(ServiceError):
        lab.api_keys()  # the certificate is for another name


def test_a_file_that_holds_no_certificate_is_named(served, monkeypatch, tmp_path):
    (tmp_path / "empty.pem").touch()
    for file in ("empty.pem", "nothing.pem"):
        monkeypatch.setenv("LABCTL_CA", str(tmp_path / file))
        with pytest.raises(ServiceError, match=file):
            Client(served[0])


def test_the_command_line_speaks_it(served):
    url, secret, ca = served
    words = [sys.executable, "-m", "labctl", "keys", "list", "--service", url]
    environment = {**os.environ, "LABCTL_KEY": secret, "LABCTL_CA": str(ca)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "ada" in done.stdout
    assert secret not in done.stdout


def test_what_is_not_tls_is_cut_off(served):
    url = served[0]
    with pytest.raises(httpx.TransportError):
        httpx.get(url.replace("https", "http"), trust_env=False)
    with socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2]))) as connection:
        connection.settimeout(10)
        connection.sendall(b"\x00" * 100)
        assert connection.recv(1000)[:5] != b"HTTP/"
