"""The bench agent against a real service: jobs succeed, fail, are cancelled or interrupted, one by one.

Service and agent are real processes on a free loopback port; the instruments are those of the simulated bench, and what
goes wrong with them is written into the station file.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labctl.agent import HUNG
from labctl.bench.journal import journal_path, left_open
from labctl.bench.station import load_station
from labctl.cli import stack
from labctl.cli.rescue import rescue
from labctl.client import Client

DEMO = load_station("demo").text


def station_file(folder: Path, name: str, extra: str = "") -> Path:
    """The demo's station under another name, with more text at its end."""
    path = folder / f"{name}.toml"
    path.write_text(DEMO.replace('name = "demo"', f'name = "{name}"', 1) + extra, encoding="utf-8")
    return path


def await_bench(client: Client, name: str) -> None:
    for _ in range(600):
        if name in {bench.name for bench in client.benches()}:
            return
        time.sleep(0.05)
    raise AssertionError(f"the bench {name} did not come up")


def fault(device: str, kind: str, after: int, messages: int) -> str:
    table = {"device": device, "kind": kind, "after_messages": after, "messages": messages}
    return (
        "\n[[simulation.faults]]\n" + "\n".join(f"{key} = {json.dumps(value)}" for key, value in table.items()) + "\n"
    )


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A service with one agent for a station without faults."""
    folder = tmp_path_factory.mktemp("lab")
    path = station_file(folder, "lab")
    with stack.running(folder / "home", [str(path)], 0, logs=True) as running, Client(running.url) as client:
        await_bench(client, "lab")
        yield folder, running, client


BITS = {"bits_per_junction": 4096}
FAULTS = {
    "digitizer-hangs": fault("digitizer", "hang", 60, 3),
    "digitizer-vanishes": fault("digitizer", "vanish", 60, 3),
    "pulser-hangs": fault("pulser", "hang", 30, 2),
    "pulser-vanishes": fault("pulser", "vanish", 30, 2),
    "matrix-hangs": fault("matrix", "hang", 20, 2),
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """A service with one agent for each of several stations, on each of which one instrument fails for a while."""
    folder = tmp_path_factory.mktemp("faulty")
    paths = [str(station_file(folder, name, text)) for name, text in FAULTS.items()]
    with stack.running(folder / "home", paths, 0, logs=True) as running, Client(running.url) as client:
        for name in FAULTS:
            await_bench(client, name)
        yield client


@pytest.mark.parametrize("name", FAULTS)
def test_an_instrument_that_fails_fails_that_job_alone(faulty, name):
    def harvest():
        return faulty.wait(faulty.submit("bitstream", BITS, bench=name).id, timeout_seconds=60)

    broken = next(job for job in (harvest() for _ in range(10)) if job.state == "failed")
    assert name.split("-")[0] in broken.error
    after = harvest()
    assert after.state == "succeeded", after.error
    # the bench was opened afresh for this job, and no source was found live then
    assert faulty.runs(after.id)[0].provenance["found_live"] == []


def test_a_running_job_is_cancelled_at_its_next_step_and_keeps_its_records(lab):
    _, _, client = lab
    job = client.submit("switching_curve", {"points": 1000, "shots": 20000}, bench="lab")
    while not client.job(job.id).done:
        time.sleep(0.02)
    client.cancel(job.id)
    done = client.wait(job.id, timeout_seconds=30)
    assert done.state == "cancelled"
    points = client.records(job.id, "point")
    assert 0 < len(points) < 1000


def test_a_queued_job_is_cancelled_at_once_and_a_finished_one_cannot_be(lab):
    _, _, client = lab
    first = client.submit("switching_curve", {"points": 300, "shots": 20000}, bench="lab")
    second = client.submit("identify", {}, bench="lab")
    assert client.cancel(second.id).state == "cancelled"
    client.cancel(first.id)
    client.wait(first.id)


def test_a_job_whose_parameters_could_hurt_the_sample_fails_before_anything_is_sent(lab):
    _, _, client = lab
    done = client.wait(client.submit("bitstream", {"volts": 1.3}, bench="lab").id)
    assert done.state == "failed"
    assert "1.3" in done.error
    assert "limit" in done.error.lower()
    assert client.wait(client.submit("bitstream", BITS, bench="lab").id).state == "succeeded"


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a POSIX signal; terminate() is tested by the stack")
def test_the_job_of_a_killed_agent_is_interrupted_and_not_run_again(tmp_path):
    path = station_file(tmp_path, "lab")
    home = tmp_path / "home"
    with stack.running(home, [str(path)], 0, logs=True) as running, Client(running.url) as client:
        await_bench(client, "lab")
        job = client.submit("switching_curve", {"points": 1000, "shots": 20000}, bench="lab")
        while client.records(job.id, "point").empty:  # progress is told of before the records are sent
            time.sleep(0.02)
        os.kill(running.agents[0].process.pid, signal.SIGKILL)
        running.agents[0].process.wait()
        with stack.agent(home, str(path), running.url, logs=True):
            done = client.wait(job.id, timeout_seconds=30)
            assert done.state == "interrupted"
            assert client.wait(client.submit("identify", {}, bench="lab").id, timeout_seconds=30).state == "succeeded"
            assert client.job(job.id).state == "interrupted"
        assert len(client.records(job.id, "point")) > 0


def test_a_second_agent_for_the_same_bench_is_refused(lab):
    folder, running, _ = lab
    second = station_file(folder, "again")
    second.write_text(second.read_text().replace('name = "again"', 'name = "lab"'))
    with stack.agent(folder / "home", str(second), running.url, logs=True) as refused:
        assert refused.process.wait(60) == 5
        assert "already owns the bench 'lab'" in refused.last_words()


HELD = """
from threading import Event
from labctl_drivers.keithley2400 import Keithley2400


class Held(Keithley2400):
    def measure(self):
        print("measuring", file=__import__("sys").stderr, flush=True)
        Event().wait()
"""


@pytest.mark.slow
def test_an_agent_whose_instrument_hangs_ends_itself_and_its_bench_is_brought_to_rest(lab, tmp_path, monkeypatch):
    """A call that never returns hears of no wish to stop; neither does a heartbeat end it."""
    (tmp_path / "held_meter.py").write_text(HELD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = station_file(tmp_path, "held")
    path.write_text(path.read_text().replace('"keithley2400"', '"held_meter:Held"', 1))
    home = tmp_path / "home"
    _, running, client = lab
    words = ["labctl.cli.agent", "--station", str(path), "--service", running.url, "--home", str(home)]
    with stack.child(home, "agent", [*words, "--patience-seconds", "0.5"], logs=True) as agent:
        await_bench(client, "held")
        job = client.submit("crossbar_read", {}, bench="held")
        while "measuring" not in agent.last_words():
            time.sleep(0.02)
        assert "it has a new owner" in rescue(home, str(path)), "an owner that lives is not interfered with"
        client.cancel(job.id)
        assert agent.process.wait(30) == HUNG
        assert left_open(journal_path(home, "held")) is not None
    assert rescue(home, str(path)).endswith("a fresh one has brought it to rest")
    assert left_open(journal_path(home, "held")) is None
    assert rescue(home, str(path)) is None


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a POSIX signal")
def test_whoever_starts_agents_brings_the_bench_of_a_killed_one_to_rest(tmp_path, caplog):
    path = station_file(tmp_path, "lab")
    home = tmp_path / "home"
    with stack.running(home, [str(path)], 0, logs=True) as running, Client(running.url) as client:
        await_bench(client, "lab")
        running.agents[0].process.kill()
        running.agents[0].process.wait()
        assert left_open(journal_path(home, "lab")) is not None
        assert len(running.ended()) == 1
        assert left_open(journal_path(home, "lab")) is None
    assert caplog.text.count("a fresh one has brought it to rest") == 1


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="there these signals cannot be sent to another process")
@pytest.mark.parametrize(("name", "to_the_owner", "code"), [("SIGTERM", False, 0), ("SIGKILL", True, 137)])
def test_an_agent_by_itself_leaves_a_safe_bench_however_it_ends(lab, tmp_path, name, to_the_owner, code):
    _, running, client = lab
    path = station_file(tmp_path, f"alone-{name}")
    words = ["agent", "--station", str(path), "--service", running.url, "--home", str(tmp_path)]
    process = subprocess.Popen([sys.executable, "-m", "labctl", *words], stderr=subprocess.PIPE)
    await_bench(client, path.stem)
    journal = journal_path(tmp_path, path.stem)
    owner = left_open(journal)["pid"]
    assert owner != process.pid
    os.kill(owner if to_the_owner else process.pid, getattr(signal, name))
    _, said = process.communicate(timeout=60)
    assert process.returncode == code, said
    assert (b"a fresh one has brought it to rest" in said) == to_the_owner
    assert left_open(journal) is None
