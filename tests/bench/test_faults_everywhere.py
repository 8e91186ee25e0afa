"""Every procedure, every instrument, every kind of fault, at every step: the bench ends safe.

What "safe" is, the simulated world is asked, not the instruments. A step is a message to the instrument that fails.
"""

import contextlib
import functools
import json
import zlib

import numpy as np
import pytest

from labctl import runner
from labctl.bench.bench import open_bench
from labctl.bench.journal import left_open
from labctl.bench.station import MATRIX_ROLE, load_station, parse_station
from labctl.bench.visa import open_visa
from labctl.core import plugins
from labctl.core.errors import Cancelled, LabError
from labctl.core.procedure import Record, roles
from labctl.procedures import schema
from labctl_sim.fault import KINDS

SMALL = {
    "bitstream": {"junctions": [[1, 2]], "bits_per_junction": 1024, "calibration_shots": 100},
    "retention": {"waits_seconds": [1e-3, 0.1], "trials": 4},
    "switching_curve": {"points": 3, "shots": 100},
}
"""Parameters that make a run short; a procedure that is not in here is run as it is and cancelled after ITEMS."""
ITEMS = 12

DETAILS = {
    "stuck_relay": ["1A01", "1H09=open"],
    "front_panel": {"smu": [":SOUR:VOLT 0.2", ":OUTP 1"], "pulser": [":OUTP1 1", ":FUNC1 DC;:VOLT1:OFFS 0.2"]},
}
LASTING = {"hang": (1, 5, 8), "timeout": (3,), "garble": (1, 4), "truncate": (1, 4), "slow": (1,)}


class Kept:
    """A sink that keeps everything, and ends a run that would be long."""

    def __init__(self):
        self.items = []

    def _keep(self, items):
        self.items += items
        if len(self.items) >= ITEMS:
            raise Cancelled("enough for this test")

    def records(self, records):
        self._keep(records)

    def harvest(self, harvest):
        self._keep([harvest])

    def artifact(self, artifact):
        pass

    def progress(self, progress):
        pass


class Lab:
    """The demo's bench behind one library; its world is a new one for every case."""

    def __init__(self, folder):
        text = load_station("demo").text.replace('name = "demo"', 'name = "faulty"\ntimeout_seconds = 0.5', 1)
        text = text.replace("# noise_seed = 1 ", "noise_seed = 1 ")
        path = folder / "faulty.toml"
        path.write_text(text, encoding="utf-8")
        self.station = parse_station(text, path)
        self.visa = open_visa(self.station.visa_library, 0.5)
        self.library = self.visa._manager.visalib
        self.journal = folder / "journal.jsonl"

    @property
    def world(self):
        return self.library.world

    def run(self, name, fault=None):
        """Run a procedure; what it yielded, what was kept, the error it ended with, the one that left the bench."""
        self.library.reset()
        self.journal.unlink(missing_ok=True)
        procedure = schema.build(name, SMALL.get(name, {}))
        yielded, kept, inner, outer = [], Kept(), None, None
        if fault is not None:
            role, kind, window = fault
            self.world.faults.inject(role, kind, **window)
        try:
            with open_bench(self.station, self.journal, self.visa) as bench:
                try:
                    runner.run(_noting(procedure, yielded), {**bench.roles(), "bank": None}, kept)
                except BaseException as error:
                    inner = error
                    raise
        except Exception as error:  # noqa: BLE001 - that is what is asked about
            outer = error
        return yielded, kept.items, inner, outer

    def messages(self, name):
        """How many messages each instrument receives in an undisturbed run."""
        _, _, _, error = self.run(name)
        assert error is None or isinstance(error, Cancelled)
        return dict(self.world.faults._received)


def _noting(procedure, yielded):
    """The same procedure, noting what it yields; the runner looks at the names of its roles."""
    kind = type(procedure)

    @functools.wraps(kind.run)
    def run(self, **offered):
        for item in kind.run(self, **offered):
            yielded.append(item)
            yield item

    noting = object.__new__(type(kind.__name__, (kind,), {"run": run}))
    noting.__dict__.update(procedure.__dict__)
    return noting


def runnable():
    """The registered procedures that use this bench's instruments and nothing that it lacks."""
    station = load_station("demo")
    offered = {*station.instruments, "array", "clock", "devices", "origin"} - {MATRIX_ROLE}
    kinds = {name: plugins.resolve(plugins.PROCEDURES, name) for name in plugins.known(plugins.PROCEDURES)}
    return sorted(name for name, kind in kinds.items() if set(roles(kind)) <= offered)


def faults_of(role, kind):
    """Details and durations to try of this kind at this instrument."""
    if kind == "stuck_relay":
        return [{"detail": detail} for detail in DETAILS[kind]]
    if kind == "front_panel":
        return [{"detail": detail} for detail in DETAILS[kind].get(role, [])]
    return [{"messages": messages} for messages in LASTING.get(kind, (None,))]


def table(lab, name, chooser, cases):
    """So many cases (role, kind, window) for one procedure: kinds and instruments in turn, each at some step."""
    counts = lab.messages(name)
    kinds = [(role, kind, window) for role in counts for kind in KINDS for window in faults_of(role, kind)]
    for _ in range(-(-cases // len(kinds))):
        for index in chooser.permutation(len(kinds))[:cases]:
            role, kind, window = kinds[index]
            yield role, kind, {**window, "after_messages": int(chooser.integers(counts[role]))}


def check(lab, name, fault):
    """Run one case and hold the bench to what is promised."""
    role, kind, window = fault
    try:
        yielded, kept, inner, outer = lab.run(name, fault)
    except ValueError:  # an instrument that would not notice such a fault refuses it
        return False
    told = f"{name} with {kind} at the {role}, {json.dumps(window)}: {outer!r}"
    world = lab.world
    assert not world.is_live(), told
    assert not world.is_playing, told
    assert world.closed == lab.station.wiring.grounds() or outer is not None, told
    assert outer is None or isinstance(outer, LabError | ValueError), told
    if inner is not None:
        assert outer is inner, f"{told}: another error than the first one is reported, which is {inner!r}"
    records = [item for item in yielded if isinstance(item, Record)]
    assert [item for item in kept if isinstance(item, Record)] == records, f"{told}: something measured is lost"
    if outer is None or isinstance(outer, Cancelled):
        assert left_open(lab.journal) is None or getattr(outer, "__notes__", ()), told
    if kind != "front_panel":  # somebody who turns an output on may do so between a look at it and a relay's move
        assert world.hot_switches == 0, told
    return True


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    found = Lab(tmp_path_factory.mktemp("faults"))
    with contextlib.closing(found.visa):
        yield found


QUICK, THOROUGH = 8, 640
"""How many cases the two tests take, of all procedures together: 0.2 s each."""


@pytest.mark.parametrize("name", runnable())
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # a fit to garbled readings may be none
@pytest.mark.parametrize("cases", [QUICK, pytest.param(THOROUGH, marks=pytest.mark.slow)])
def test_a_fault_at_any_step_leaves_a_safe_bench(lab, name, cases):
    share = max(2, cases // len(runnable()))
    chooser = np.random.default_rng([zlib.crc32(name.encode()), cases])
    noticed = [check(lab, name, case) for case in table(lab, name, chooser, share)]
    assert sum(noticed) >= share / 4, "most of the faults were refused by instruments that would not notice them"


def test_every_kind_of_fault_is_in_the_table(lab):
    kinds = {kind for _, kind, _ in table(lab, "identify", np.random.default_rng(1), 500)}
    assert kinds == set(KINDS)
