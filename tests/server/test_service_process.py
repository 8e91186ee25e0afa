"""The service as a process: started by hand, told where it cannot listen, ended in good order."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time

import httpx
import pytest

from labctl.client import AgentClient
from labctl.core.bits import Origin


def start(*words, home):
    return subprocess.Popen(
        [sys.executable, "-m", "labctl_server", "--home", str(home), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_new_home_gets_its_ledger_and_closing_stdin_ends_it(tmp_path):
    with start("--port", "0", "--until-stdin-closes", home=tmp_path / "new") as process:
        line = process.stdout.readline()
        url = re.search(r"http://127\.0\.0\.1:\d+", line).group()
        assert httpx.get(f"{url}/readyz", trust_env=False, timeout=30).json()["status"] == "ok"
        process.stdin.close()
        assert process.wait(20) == 0
    assert (tmp_path / "new" / "labctl.db").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to be caught")
def test_a_signal_ends_it_though_somebody_waits_for_a_job(tmp_path):
    with start("--port", "0", "--until-stdin-closes", home=tmp_path) as process:
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline()).group()
        with AgentClient(url) as agent:
            agent.register("b1", origin=Origin.SIMULATED, station_digest="x", roles=[])
            threading.Timer(0.5, process.terminate).start()
            before = time.monotonic()
            assert agent.claim("b1", wait_seconds=60) is None
            assert process.wait(20) in {0, -signal.SIGTERM}
        assert time.monotonic() - before < 10


def refused(*words, home):
    process = start(*words, home=home)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    return said


def test_what_it_cannot_do_it_says_in_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as busy:
        said = refused("--port", str(busy.getsockname()[1]), home=tmp_path)
        assert "--port 0" in said
    everywhere = ["--host", "0.0.0.0"]  # noqa: S104 - refused, that is the test
    assert "by which names" in refused(*everywhere, home=tmp_path)
    assert "--require-keys" in refused(*everywhere, "--name", "lab.example", home=tmp_path)
    said = refused(*everywhere, "--name", "lab.example", "--require-keys", home=tmp_path)
    assert "labctl keys add YOUR-NAME --role admin" in said
    assert "and its private key" in refused("--tls-key", "k.pem", home=tmp_path)
    assert "PEM" in refused("--tls-key", "k.pem", "--tls-certificate", "c.pem", home=tmp_path)


def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path):
    said = refused("--database-url", "postgresql://me:secret@127.0.0.1:1/none", home=tmp_path)
    assert "cannot be opened" in said
    assert "secret" not in said


def test_an_old_database_is_not_upgraded_unasked(tmp_path):
    (tmp_path / "labctl.db").touch()
    assert "labctl db upgrade" in refused(home=tmp_path)


def test_the_procedures_that_are_installed_are_offered():
    from labctl_server.catalogue import Installed

    names = Installed().names()
    assert {"identify", "bitstream"} <= set(names)
    assert Installed().describe("bitstream")["roles"] == ["pulser", "digitizer", "array", "origin"]
