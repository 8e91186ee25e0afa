"""The server as a program: what it refuses, what it prints, how it ends."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import pyvisa

from labctl.core.errors import StationError
from labctl_sim.bench import open_bench
from labctl_sim.serve import main, serving

IDENTITY = "MYLAB,BOX,SIM0001,box"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "example.org", ""])  # noqa: S104 - to be refused
def test_other_machines_are_refused_with_a_sentence(box_station, host, capsys):
    with (
        pytest.raises(StationError, match=r"no passwords.*ssh -L"),
        serving(open_bench(box_station(), clock="virtual"), host),
    ):
        pass
    assert main([str(box_station()), "--host", host]) == 2
    assert "labctl: a simulated bench cannot be served" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named(serve, box_station):
    served = serve()
    port = int(re.search(r"(\d+)::SOCKET", served.sockets["box"])[1])
    with (
        pytest.raises(StationError, match=rf"port {port}.*--socket-ports-from"),
        serving(open_bench(box_station()), socket_ports_from=port),
    ):
        pass


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--clock", "sundial"], "'sundial' is unknown"),
        (["--fault", "box:explode"], "no fault 'explode'"),
        (["--fault", "lamp:hang"], "there is no 'lamp'"),
    ],
)
def test_what_is_asked_wrongly_is_answered_in_a_sentence(box_station, capsys, words, sentence):
    assert main([str(box_station()), *words]) == 2
    assert sentence in capsys.readouterr().err


def ended_by_closing_stdin(server):
    server.stdin.close()


def ended_by_ctrl_c(server):
    server.send_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("command", "end"),
    [
        (["labctl_sim.serve", "--until-stdin-closes"], ended_by_closing_stdin),
        pytest.param(
            ["labctl", "sim", "serve"],
            ended_by_ctrl_c,
            marks=pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be sent Ctrl-C alone there"),
        ),
    ],
)
def test_the_program_serves_until_it_is_ended(box_station, command, end):
    words = ["--socket-ports-from", "0", "--hislip-port", "0", "--clock", "virtual"]
    words += ["--fault", "box:identity,after_messages=1,detail=WRONG"]
    path = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    server = subprocess.Popen(
        [sys.executable, "-m", *command, str(box_station()), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    try:
        table = dict(line.split()[0:3:2] for line in (server.stdout.readline() for _ in range(2)))
        assert "serving boxes0" in server.stdout.readline()
        box = pyvisa.ResourceManager("@py").open_resource(table["box"], read_termination="\n", write_termination="\n")
        assert [box.query("*IDN?") for _ in range(3)] == [IDENTITY, "WRONG", IDENTITY]
        box.close()
    finally:
        end(server)
        assert server.wait(10) == 0
        server.stdin.close()
        server.stdout.close()


@pytest.mark.parametrize("words", [["--socket-ports-from", "65535"], ["--hislip-port", "65536"]])
def test_ports_that_do_not_exist_are_refused_with_a_remedy(box_station, capsys, words):
    ports = ["--hislip-port", "0", "--socket-ports-from", "0"]
    assert main([str(box_station()), *ports, *words]) == 2
    told = capsys.readouterr().err
    assert "no port 65536" in told
    assert "--socket-ports-from" in told


def test_an_address_that_no_visa_can_spell_is_refused(box_station, capsys):
    assert main([str(box_station()), "--host", "::1"]) == 2
    assert "--host 127.0.0.1" in capsys.readouterr().err


def test_what_is_not_served_is_said(box_station, tmp_path, monkeypatch, capsys):
    (tmp_path / "lamp.yaml").write_text(
        'spec: "1.1"\ndevices:\n  lamp: {}\nresources:\n'
        '  GPIB0::8::INSTR:\n    device: lamp\n  "ASRL1::INSTR":\n    device: lamp\n'
    )
    monkeypatch.setattr("labctl_sim.serve.Event", Over)
    ports = ["--hislip-port", "0", "--socket-ports-from", "0"]
    assert main([str(box_station('pyvisa_sim = "lamp.yaml"')), *ports]) == 0
    told = capsys.readouterr().out
    assert "not served" in told
    assert "ASRL1::INSTR, GPIB0::8::INSTR of lamp.yaml" in told
    assert main([str(box_station()), *ports]) == 0
    assert "not served" not in capsys.readouterr().out


class Over:
    """An end that has come already."""

    def wait(self, _):
        return True

    def set(self):
        """Nobody waits for it."""
