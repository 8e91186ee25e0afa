"""kill -9 in the middle of a measurement, and a safe bench after the next start; the instruments outlive the process.

They are served over HiSLIP by this process, whose world can be asked what is really on.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labctl.bench.journal import journal_path, left_open
from labctl.bench.station import load_station
from labctl_sim.bench import open_bench
from labctl_sim.serve import serving

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 is a POSIX signal")

RUNS = [
    ("crossbar_read", {}),
    ("bitstream", {"junctions": [[1, 2]], "bits_per_junction": 1024, "calibration_shots": 100}),
    ("switching_curve", {"points": 5, "shots": 100}),
]


class Lab:
    """A served bench that survives its clients, and a process whose children are these."""

    def __init__(self, served, path, folder):
        self.world = served.bench.world
        self.grounds = load_station(path).wiring.grounds()
        self.folder = folder
        self.journal = folder / "journal.jsonl"
        self._message = self.world.faults.message
        self.world.faults.message = self._count
        self.messages = self.while_on = 0
        self._doomed = None
        words = [sys.executable, str(Path(__file__).with_name("bench_process.py")), str(path), str(folder)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _count(self, role):
        """Kill the child that is doomed once so many messages have come, or so many while a source was on."""
        self.messages += 1
        self.while_on += self.world.is_live()
        if self._doomed is not None:
            number, after, only_on, signals = self._doomed
            if (self.while_on if only_on else self.messages) >= after:
                self._doomed = None
                for name in signals:
                    os.kill(number, getattr(signal, name))
        return self._message(role)

    def child(self, *words, killed_after=None, only_on=False):
        """Have a child do this, and kill it after so many messages; its exit status, negative if it was killed."""
        self.messages = self.while_on = 0
        self.process.stdin.write(" ".join(words) + "\n")
        self.process.stdin.flush()
        number = int(self.process.stdout.readline())
        if killed_after is not None:
            self.doom(number, killed_after, only_on)
        status = int(self.process.stdout.readline())
        self._doomed = None
        return status

    def doom(self, number, after, only_on, signals=("SIGKILL",)):
        """Send these signals to that process after so many messages, or so many while a source is on."""
        self._doomed = number, after, only_on, signals

    def check(self):
        """Hold the bench, and what is written of it, to what a safe one is."""
        assert not self.world.is_live()
        assert not self.world.is_playing
        assert self.world.closed == self.grounds
        assert self.world.hot_switches == 0
        assert left_open(self.journal) is None

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


@contextlib.contextmanager
def served_over(transport, folder):
    demo = load_station("demo")
    with serving(open_bench(demo.path, clock="virtual")) as served:
        text = demo.text.replace("sim:{station}@labctl", "@py").replace('name = "demo"', 'name = "served"', 1)
        for role, entry in demo.instruments.items():
            text = text.replace(f'"{entry.address}"', f'"{getattr(served, transport)[role]}"')
        path = folder / "served.toml"
        path.write_text(text, encoding="utf-8")
        found = Lab(served, path, folder)
        yield found
        found.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with served_over("hislip", tmp_path_factory.mktemp("killed")) as found:
        yield found


@pytest.mark.parametrize("kills", [2, pytest.param(100, marks=pytest.mark.slow)])
def test_after_a_kill_at_any_moment_the_next_start_makes_the_bench_safe(lab, kills):
    chooser = np.random.default_rng(kills)
    lengths = {}
    on = interrupted = 0
    for turn in range(kills):
        name, parameters = RUNS[turn % len(RUNS)]
        words = ["run", name, json.dumps(parameters)]
        if name not in lengths:
            assert lab.child(*words) == 0
            lengths[name] = lab.messages, lab.while_on
            lab.check()
        # a source is on during few of the messages of these runs, and every second kill falls on one of these
        only_on = turn % 2 == 0 and lengths[name][1] > 1
        after = int(chooser.integers(1, lengths[name][only_on]))
        assert lab.child(*words, killed_after=after, only_on=only_on) == -signal.SIGKILL
        was_open = left_open(lab.journal) is not None
        interrupted += was_open
        on += lab.world.is_live() or lab.world.is_playing
        if turn % 3 == 2:  # the one that comes to make it safe is killed as well
            lab.child("safe", killed_after=int(chooser.integers(1, 20)))
        again = ["safe", "open"][turn % 2]
        assert lab.child(again) == 0
        lab.check()
        if again == "open" and turn % 3 != 2:
            told = json.loads((lab.folder / "said.txt").read_text())
            assert told["left_open"] == was_open
    assert on >= kills // 8, "too few of the benches were live for this to mean anything"
    assert interrupted >= kills * 0.9


@pytest.mark.slow
@pytest.mark.parametrize("transport", ["hislip", "sockets"])
@pytest.mark.parametrize(
    ("signals", "after"),
    [(["SIGTERM"], 1), (["SIGHUP"], 2), (["SIGINT"] * 8, 3), (["SIGINT"], 4), (["SIGINT"], 5), (["SIGKILL"], 5)],
)
def test_a_run_from_the_command_line_that_is_ended_leaves_a_bench_that_is_safe_or_made_so(
    tmp_path, transport, signals, after
):
    """The signal comes between a question and its answer, which must not be taken for the answer to another one."""
    with served_over(transport, tmp_path) as lab:
        _end_a_run(lab, tmp_path, signals, after)


def _end_a_run(lab, tmp_path, signals, after):
    def labctl(*words):
        return [sys.executable, "-m", "labctl", *words, "--home", str(tmp_path)]

    station = str(lab.folder / "served.toml")
    run = subprocess.Popen(labctl("run", "crossbar_read", "--station", station), stderr=subprocess.PIPE)
    lab.messages = lab.while_on = 0
    lab.doom(run.pid, after, only_on=True, signals=signals)
    _, said = run.communicate(timeout=60)
    killed = signals == ["SIGKILL"]
    assert run.returncode != 0
    journal = journal_path(tmp_path, "served")
    if not killed:
        assert b"making the bench safe, one moment" in said
        told = f"{said.decode()}\n{journal.read_text()}"
        assert not lab.world.is_live(), told
        assert lab.world.closed == lab.grounds, told
    assert (left_open(journal) is not None) == killed
    again = subprocess.run(
        labctl("run", "identify", "--station", station), capture_output=True, text=True, timeout=60, check=True
    )
    assert ("left open" in again.stderr) == killed
    assert not lab.world.is_live()
    assert lab.world.closed == lab.grounds
    assert left_open(journal) is None
