"""The command line against a running service, as a person or a script uses it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from labctl.cli import stack
from labctl.client import Client
from labctl_sim.stations import demo


def labctl(*words, service=None, **extra):
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **extra}
    if service is not None:
        environment["LABCTL_SERVICE"] = service
    command = [sys.executable, "-m", "labctl", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A service with the demo's bench, without the sampler."""
    with stack.running(tmp_path_factory.mktemp("home"), ["demo"], 0, logs=True) as running:
        with Client(running.url) as client:
            while not client.benches():
                running.check()
        yield running.url


def test_a_job_is_submitted_waited_for_and_shown(service, tmp_path):
    done = labctl(
        "submit", "switching_curve", "-p", "points=5", "-p", "row=1", "-p", "shots=200", "--wait", service=service
    )
    assert done.returncode == 0, done.stderr
    assert "succeeded" in done.stdout
    job = done.stdout.split()[0]
    shown = json.loads(labctl("show", job, "--kind", "point", "--json", service=service).stdout)
    assert shown["parameters"]["row"] == 1
    assert len(shown["records"]) == 5
    labctl("show", job, "--csv", str(tmp_path / "curve.csv"), service=service)
    assert "p_switch" in (tmp_path / "curve.csv").read_text().splitlines()[0]
    listed = json.loads(labctl("jobs", "--json", service=service).stdout)
    assert job in {one["id"] for one in listed}
    assert labctl("cancel", job, service=service).returncode == 3


def test_bits_are_drawn_into_a_file_once(service, tmp_path):
    assert labctl("submit", "bitstream", "-p", "bits_per_junction=8192", "--wait", service=service).returncode == 0
    out = tmp_path / "bits.bin"
    refused = labctl("draw", "1024", "--out", str(out), service=service)
    assert refused.returncode == 3
    assert "simulated" in refused.stderr
    assert not out.exists()
    done = labctl("draw", "1024", "--out", str(out), "--accept-simulated", "--purpose", "test", service=service)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size == 128
    assert "1,024 simulated bits" in done.stdout
    draw = done.stdout.split("draw ")[1].split(",")[0]
    parts = json.loads(labctl("bits", draw, "--json", service=service).stdout)
    assert sum(part["stop_bit"] - part["start_bit"] for part in parts) == 1024
    account = json.loads(labctl("bits", "--json", service=service).stdout)
    assert account[0]["drawn"] == 1024
    again = labctl("draw", "1024", "--out", str(out), "--accept-simulated", service=service)
    assert again.returncode == 2
    assert json.loads(labctl("bits", "--json", service=service).stdout)[0]["drawn"] == 1024


@pytest.mark.slow
def test_a_draw_and_a_run_are_certified_once_their_bits_are_spent(service, tmp_path):
    done = labctl(
        "submit", "bitstream", "-p", "bits_per_junction=40000", "-p", "junctions=[[4,4]]", "--wait", service=service
    )
    job = done.stdout.split()[0]
    fresh = labctl("certify", job, service=service)
    assert (fresh.returncode, "fresh bits" in fresh.stderr) == (3, True)
    with Client(service) as client:
        draw = client.draw(
            client.account()[0].drawable, consumer="me", purpose="to be certified", accept_simulated=True
        ).id
        assert labctl("certify", draw, service=service).returncode == 3  # drawn, not taken
        client.take(draw)
        for subject in (draw, job, f"{job}-1"):
            said = labctl(
                "certify", subject, "--bits", "40000", "--report", str(tmp_path / "page.html"), service=service
            )
            assert said.returncode == 0, said.stdout + said.stderr
            assert "simulated" in (tmp_path / "page.html").read_text()
        last = client.certificates(limit=1)[0]
        assert (last.run, last.origin, last.passed, last.n_bits) == (f"{job}-1", "simulated", True, 40_000)
        assert last.sha256 == client.segments(job)[0].sha256
        assert [each.draw for each in client.certificates(draw=draw)] == [draw]
    unknown = labctl("certify", "nothing", service=service)
    assert (unknown.returncode, "no file, no draw and no run" in unknown.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["submit", "no_such"], 2, "no procedure named 'no_such'; known are: bitstream"),
        (["submit", "identify", "--bench", "nowhere"], 2, "no bench 'nowhere'; known are: demo"),
        (["submit", "switching_curve", "-p", "points=0"], 2, "points: "),
        (["submit", "switching_curve", "-p", "points"], 2, "write name=value"),
        (["submit", "sample_digits", "--wait"], 1, "bits"),
        (["show", "nothing"], 2, "no job 'nothing'"),
        (["draw", "100000000", "--out", "never.bin", "--accept-simulated"], 6, "100000000 bits"),
        (["sample", "--labels", "x"], 2, "--labels takes digits"),
    ],
)
def test_a_wrong_request_gets_a_sentence_and_an_exit_code(service, words, code, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = labctl(*words, service=service)
    assert done.returncode == code, done.stdout + done.stderr
    assert says in " ".join((done.stderr + done.stdout).split())
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_no_service_is_said_with_what_to_start():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    done = labctl("jobs", service=f"http://127.0.0.1:{port}")
    assert done.returncode == 5
    assert "labctl serve" in done.stderr


def test_a_busy_port_is_said_with_the_remedy(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = labctl("serve", "--port", str(taken.getsockname()[1]), "--home", str(tmp_path))
    assert done.returncode == 5
    assert "--port" in done.stderr


def test_a_procedure_runs_without_a_service_and_leaves_its_results(tmp_path):
    words = ["run", "switching_curve", "-p", "points=4", "-p", "shots=100", "--home", str(tmp_path)]
    done = labctl(*words, "--csv", str(tmp_path / "out.csv"), "--plot", str(tmp_path / "out.png"))
    assert done.returncode == 0, done.stderr
    assert "point (4)" in done.stdout
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
    assert "profile vcma_long_pulse, physics table" in done.stdout.splitlines()[-1]
    assert "array seed 2407" in done.stdout.splitlines()[-1]
    assert (tmp_path / "out.csv").exists()
    assert (tmp_path / "labctl.db").exists()


@pytest.mark.parametrize("words", [[], ["switching_curve"]])
def test_procedures_are_those_installed_here_when_no_service_answers(service, words):
    there = labctl("procedures", *words, service=service)
    assert (there.returncode, there.stderr) == (0, "")
    here = labctl("procedures", *words, service="http://127.0.0.1:9")
    assert here.returncode == 0, here.stderr
    assert here.stdout == there.stdout
    assert "installed here" in here.stderr
    assert labctl("procedures", "switching_curv", service="http://127.0.0.1:9").returncode == 2


TALKER = """
import logging
from dataclasses import dataclass

from labctl.core.procedure import Record

@dataclass(frozen=True)
class Talker:
    \"\"\"Says something through the log.\"\"\"

    def run(self):
        for name, level in (("mylab", "INFO"), ("mylab", "DEBUG"), ("httpx", "INFO"), ("httpx", "WARNING")):
            logging.getLogger(name).log(getattr(logging, level), f"{name} has a line of {level}")
        yield Record.of("done", count=1)
"""


def test_a_local_run_shows_the_log_on_stderr(tmp_path):
    (tmp_path / "mylab.py").write_text(TALKER)
    paths = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = labctl("run", "mylab:Talker", "--home", str(tmp_path / "home"), PYTHONPATH=paths)
    assert done.returncode == 0, done.stderr
    said = [line.partition("has a line of ")[2].strip() for line in done.stderr.splitlines() if "has a line of" in line]
    assert said == ["INFO", "WARNING"]
    assert "alembic" not in done.stderr.lower()
    assert "has a line of" not in done.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = ", "toml"),
        ('name = "x"\nvisa_library = ""\n[instruments.pulser]\ndriver = "nothing"\naddress = "A"\n', "nothing"),
    ],
)
def test_a_wrong_station_file_is_refused_with_its_name(tmp_path, text, says):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    for words in (
        ["station", "check", str(path)],
        ["run", "identify", "--station", str(path), "--home", str(tmp_path / "h")],
    ):
        done = labctl(*words)
        assert done.returncode == 2, done.stderr
        assert "wrong.toml" in "".join(done.stderr.split("\n"))
        assert says in done.stderr.lower()


@pytest.mark.parametrize(
    ("said", "instead", "says"),
    [
        ('profile = "vcma_long_pulse"', 'profile = "vcma_long_puls"', "shipped are"),
        ("array_seed = 2407", 'physics = "Engine"\narray_seed = 2407', "table, engine"),
        ("array_seed = 2407", "array_seed = -1", "array_seed"),
    ],
)
def test_what_is_to_be_simulated_is_checked_with_the_station(tmp_path, said, instead, says):
    path = tmp_path / "mine.toml"
    path.write_text(demo().read_text(encoding="utf-8"), encoding="utf-8")
    assert "simulated  " in labctl("station", "check", str(path)).stdout
    path.write_text(path.read_text(encoding="utf-8").replace(said, instead), encoding="utf-8")
    done = labctl("station", "check", str(path))
    assert done.returncode == 2
    assert says in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there these signals cannot be sent to another process")
@pytest.mark.parametrize("signals", [["SIGTERM"], ["SIGHUP"], ["SIGINT"] * 8])
def test_a_local_run_that_is_told_to_end_makes_the_bench_safe(tmp_path, signals):
    words = ["run", "bitstream", "-p", "bits_per_junction=400000000", "--home", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "labctl", *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    journal = tmp_path / "agents" / "demo.journal.jsonl"
    segments = tmp_path / "segments"
    while not (segments.is_dir() and any(segments.iterdir())):
        assert process.poll() is None
        time.sleep(0.05)
    for name in signals:
        process.send_signal(getattr(signal, name))
        time.sleep(0.004)
    _, said = process.communicate(timeout=30)
    assert process.returncode != 0
    assert b"making the bench safe" in said
    events = [json.loads(line) for line in journal.read_text().splitlines()]
    steps = [event.get("step", event["event"]) for event in events]
    rest = ["pulser to rest", "smu to rest", "all lines to ground", "digitizer to rest"]
    assert steps == ["opened", *rest, "at rest"]


def test_a_single_shot_job_can_be_cancelled_within_a_block(service):
    with Client(service) as client:
        job = client.submit("bitstream", {"tier": "single", "bits_per_junction": 4_000_000}, bench="demo")
        while client.job(job.id).state != "running":
            time.sleep(0.05)
        client.cancel(job.id)
        assert client.wait(job.id, timeout_seconds=10).state == "cancelled"
