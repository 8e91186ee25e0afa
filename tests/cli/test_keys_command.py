"""Keys from the command line, and a service with its agents that asks for them."""

import os
import subprocess
import sys

import pytest

from labctl.cli import stack
from labctl.client import Client
from labctl.core.errors import KeyRefused, NotAllowed


def labctl(*words, **extra):
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **extra}
    command = [sys.executable, "-m", "labctl", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def add(home, *words):
    done = labctl("keys", "add", *words, "--home", str(home))
    assert done.returncode == 0, done.stderr
    assert "shown this once" in done.stderr
    return done.stdout.strip()


def test_keys_are_made_listed_and_revoked_in_a_home_folder(tmp_path):
    secret = add(tmp_path, "ada", "--role", "operator", "--bench", "demo", "--expires-days", "90", "--note", "laptop")
    listed = labctl("keys", "list", "--home", str(tmp_path)).stdout
    row = next(line for line in listed.splitlines() if "ada" in line).split()
    assert secret.startswith(row[1])
    assert row[2:5] == ["ada", "operator", "demo"]
    assert secret not in listed
    assert "was revoked" in labctl("keys", "revoke", row[0], "--home", str(tmp_path)).stdout
    wrong = labctl("keys", "revoke", "nothing", "--home", str(tmp_path))
    assert (wrong.returncode, "there is no key 'nothing'" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x", "--role", "king"], "king"),
        (["x", "--expires-days", "0"], "more than 0"),
        (["x", "--role", "agent"], "say which"),
    ],
)
def test_a_key_that_makes_no_sense_is_not_made(tmp_path, words, said):
    done = labctl("keys", "add", *words, "--home", str(tmp_path))
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_service_that_asks_for_keys_serves_its_own_agents_and_those_who_have_one(tmp_path):
    admin = add(tmp_path, "ada", "--role", "admin")
    viewer = add(tmp_path, "vic", "--role", "viewer")
    with stack.running(tmp_path, ["sampler"], stack.Opening(require_keys=True), logs=True) as running:
        with Client(running.url, key=admin) as lab:
            while not lab.benches():  # its agent has a key of its own
                running.check()
        with Client(running.url) as nobody, pytest.raises(KeyRefused):
            nobody.jobs()
        with Client(running.url, key=viewer) as guest, pytest.raises(NotAllowed, match="viewer"):
            guest.submit("identify", bench="sampler")
        held = labctl("keys", "list", "--home", str(tmp_path))
        assert "--service http" in held.stderr
        said = labctl("jobs", LABCTL_SERVICE=running.url, LABCTL_KEY="")
        assert (said.returncode, "LABCTL_KEY" in said.stderr) == (3, True)
        made = labctl("keys", "add", "bob", "--service", running.url, LABCTL_KEY=admin).stdout.strip()
        assert labctl("jobs", LABCTL_SERVICE=running.url, LABCTL_KEY=made).returncode == 0
    logs = b"".join(file.read_bytes() for file in (tmp_path / "logs").iterdir())
    assert not any(secret.encode() in logs for secret in (admin, viewer, made))
