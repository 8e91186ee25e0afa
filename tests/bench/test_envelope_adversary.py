"""An adversary with every public call of a bench, in any order, with any values: what do the junctions really see?

The judge is the simulated world. It is told of everything that acts on a junction, whatever the instruments say.
"""

import contextlib
import functools
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from labctl.bench import bench as bench_module
from labctl.bench import envelope, guarded, limits
from labctl.bench.bench import open_bench
from labctl.bench.station import load_station, parse_station
from labctl.bench.visa import open_visa
from labctl.core.device import Line
from labctl.core.errors import LabError
from labctl.core.pulses import Phase, PhaseKind, PulsePlan

SLACK = 1 + envelope.READ_BACK_SLACK + 1e-6
STEPS = limits.Limits.steps  # the judge's own, whatever a test does to the guards'
GRID_SECONDS = 1.001e-9  # a generator's sample: an edge of several of them is above a level for up to one more
NASTY = [0.0, -0.0, math.nan, math.inf, -math.inf, 1e-300, 1e300, 5e-324, 21.0, -2.5]
VOLTS = st.one_of(
    st.sampled_from([0.2, -0.2, 0.25, -0.25, 0.1]),
    st.sampled_from([*NASTY, 0.1, 0.25, -0.25, 0.2, -0.2, 0.5, -0.5, 1.0, 1.2, -0.8]),
    st.floats(-1.3, 1.3),
    st.floats(),
)
PULSED = st.one_of(st.sampled_from([0.1, -0.2, 0.3, 0.5, -0.5, 0.9, 1.0]), st.floats(-0.6, 1.1), VOLTS)
AMPS = st.one_of(st.sampled_from([0.0, 1e-6, -1e-6, 1e-3, 2e-3, *NASTY]), st.floats(-3e-3, 3e-3))
LIMIT_AMPS = st.one_of(st.sampled_from([1e-6, 1e-3, 2e-3, *NASTY]), st.floats(1e-9, 3e-3))
NANOSECONDS = st.one_of(st.integers(2, 250), st.sampled_from([3, 20, 50, 98, 99, 100, 101, 2000]))
LINES = st.one_of(
    st.builds(Line, st.sampled_from(["word", "bit"]), st.integers(0, 1)),
    st.builds(Line, st.sampled_from(["word", "bit", "diagonal"]), st.integers(-1, 8)),
)
USUAL_ROUTES = [
    {"pulser": Line("word", 0), "smu": Line("bit", 0)},
    {"pulser": Line("bit", 0), "smu": Line("word", 1)},
    {"pulser": Line("word", 0), "digitizer": Line("bit", 0), "smu": Line("word", 1)},
]
ROUTES = st.one_of(
    st.sampled_from(USUAL_ROUTES),
    st.fixed_dictionaries({"pulser": LINES}, optional={"smu": LINES, "digitizer": LINES}),
    st.dictionaries(st.sampled_from(["pulser", "smu", "digitizer", "ground", "matrix"]), LINES, max_size=4),
)
NUMBER = st.sampled_from([0, 0, 0, 0, 1])
SLEEPS = st.sampled_from([0.0, 1e-6, 1e-3, 1.0])
CYCLES = st.one_of(st.integers(1, 20), st.sampled_from([-1, 0, True, 2.5, math.nan, 10**12, 1000]))


def demo(*replacements):
    """The demo's station with another cable, kept in a file of its own for as long as the tests run."""
    text = load_station("demo").text.replace("# noise_seed = 1 ", "noise_seed = 1 ")
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    path = Path(tempfile.mkdtemp()) / "station.toml"
    path.write_text(text, encoding="utf-8")
    return parse_station(text, path)


TERMINATION = "pulser_termination_ohms = 50.0"
STATIONS = {
    "demo": functools.cache(demo),
    "no termination": functools.cache(lambda: demo((TERMINATION, ""))),
    "attenuator": functools.cache(
        lambda: demo((TERMINATION, ""), ("pulser_attenuation_db = 0.0", "pulser_attenuation_db = 6.0"))
    ),
    "polarities apart": functools.cache(
        lambda: demo(
            (
                "dc_volts = 0.25",
                "dc_volts = 0.25\ndc_negative_volts = 0.1\n"
                "shorter_pulses = [{ width_seconds = 20e-9, positive_volts = 1.2, negative_volts = 0.7 }]",
            )
        )
    ),
}


@st.composite
def plans(draw):
    phases = []
    for _ in range(draw(st.integers(1, 3))):
        width = draw(NANOSECONDS)
        gap = draw(st.one_of(st.just(0), NANOSECONDS, st.just(300)))
        phases.append(Phase(PhaseKind.STOCHASTIC, draw(PULSED), width * 1e-9, 1e-9, gap * 1e-9))
    return PulsePlan(tuple(phases))


class Truth:
    """What junctions really saw; ``beyond`` tells of all that was too much."""

    def __init__(self, world, limits):
        self.beyond = []
        self.seen = {1: 0.0, -1: 0.0}
        self._world = world
        self._limits = limits
        self._steps = {sign: STEPS(limits, sign) for sign in (1, -1)}
        self._stress = world.array.stress
        world.array.stress = self.stress

    def stress(self, volts, seconds=0.0, cycles=1):
        pieces = np.asarray(volts).reshape(len(volts), -1)
        lengths = np.atleast_1d(seconds)
        for sign in (1, -1):
            along = (sign * pieces).max(axis=0)
            self.seen[sign] = max(self.seen[sign], float(along.max()))
            if along.max() > self._limits.of_pulse(sign) * SLACK:
                self.beyond.append(f"{sign * along.max():g} V for {lengths.sum():g} s")
            for level, allowed in self._steps[sign]:
                if self.longest(sign * pieces, lengths, level * SLACK) > allowed * SLACK + GRID_SECONDS:
                    self.beyond.append(f"above {sign * level:g} V for more than {allowed:g} s")
        return self._stress(volts, seconds, cycles)

    def stays(self):
        """What stands on the junctions now, while nothing plays, may stand there for ever."""
        if self._world.is_playing:
            return
        volts = self._world.point().cell_volts
        for sign in (1, -1):
            if (sign * volts).max() > self._limits.of_dc(sign) * SLACK:
                self.beyond.append(f"{sign * (sign * volts).max():g} V that stay")

    @staticmethod
    def longest(pieces, lengths, level):
        """The longest time that any junction is above ``level``; a waveform is played twice, back to back."""
        above = pieces > level
        if above.shape[1] > 1:
            above, lengths = np.tile(above, 2), np.tile(lengths, 2)
        longest = run = np.zeros(above.shape[0])
        for column, seconds in zip(above.T, lengths, strict=True):
            run = np.where(column, run + seconds, 0.0)
            longest = np.maximum(longest, run)
        return longest.max()


class Adversary(RuleBasedStateMachine):
    """Every public call; ``benches`` are two openings of one bench, as two careless programs would have them."""

    def __init__(self):
        super().__init__()
        self.ends = contextlib.ExitStack()

    @initialize(which=st.sampled_from(list(STATIONS)), route=st.sampled_from(USUAL_ROUTES))
    def opens(self, which, route):
        station = STATIONS[which]()
        visa = open_visa(station.visa_library)
        self.ends.callback(visa.close)
        world = visa._manager.visalib.world  # the truth: no public call leads here
        self.truth = Truth(world, station.limits)
        self.clock = visa.clock
        self.benches = [self.ends.enter_context(open_bench(station, visa=visa)) for _ in range(2)]
        self.benches[0].roles()["array"].route(route)

    @rule(number=NUMBER, route=ROUTES)
    def routes(self, number, route):
        self.tried(self.benches[number].roles()["array"].route, route)

    @rule(number=NUMBER, plan=plans(), cycles=CYCLES, route=ROUTES, routed=st.booleans())
    def programs(self, number, plan, cycles, route, routed):
        pulser = self.benches[number].device("pulser")
        self.tried(pulser.program, plan)
        if routed:
            self.tried(self.benches[number].roles()["array"].route, route)
            self.tried(pulser.fire, cycles)

    @rule(number=NUMBER, cycles=CYCLES, seconds=SLEEPS)
    def fires(self, number, cycles, seconds):
        self.tried(self.benches[number].device("pulser").fire, cycles)
        self.clock.sleep(seconds)

    @rule(number=NUMBER, volts=VOLTS)
    def holds(self, number, volts):
        self.tried(self.benches[number].device("pulser").hold, volts)

    @rule(number=NUMBER, volts=VOLTS, limit=LIMIT_AMPS)
    def applies_volts(self, number, volts, limit):
        self.tried(self.benches[number].device("smu").apply_volts, volts, limit)

    @rule(number=NUMBER, amps=AMPS, limit=VOLTS)
    def applies_amps(self, number, amps, limit):
        self.tried(self.benches[number].device("smu").apply_amps, amps, limit)

    @rule(number=NUMBER, role=st.sampled_from(["pulser", "smu"]))
    def turns_off(self, number, role):
        self.tried(self.benches[number].device(role).off)

    @rule(number=NUMBER, role=st.sampled_from(["pulser", "smu", "matrix", "digitizer"]), guarded=st.booleans())
    def rests(self, number, role, guarded):
        bench = self.benches[number]
        self.tried((bench.device(role) if guarded else bench.roles()["devices"][role]).safe)

    @rule(number=NUMBER, act=st.sampled_from(["look", "widen", "measure", "arm", "look", "safe"]))
    def does(self, number, act):
        bench = self.benches[number]
        match act:
            case "safe":
                self.tried(bench.safe)
            case "widen":  # whoever exchanges the station of an open bench changes nothing
                wide = replace(bench.station.limits, pulse_positive_volts=9.0, pulse_negative_volts=9.0, dc_volts=9.0)
                bench.station = replace(bench.station, limits=wide, wiring=None)
            case "measure":
                self.tried(bench.device("smu").measure)
            case "arm":
                self.tried(bench.device("digitizer").arm, 3)
            case "look":
                for device in bench.roles()["devices"].values():
                    self.tried(device.snapshot)
                    self.tried(device.errors)

    def tried(self, call, *arguments):
        """A call may be refused, in words; it may not hurt."""
        with contextlib.suppress(LabError):
            call(*arguments)

    @invariant()
    def no_junction_saw_more_than_its_limits(self):
        if hasattr(self, "truth"):
            self.truth.stays()
            assert not self.truth.beyond, f"junctions saw {self.truth.beyond[0]}"

    def teardown(self):
        with contextlib.suppress(LabError):
            self.ends.close()
        self.no_junction_saw_more_than_its_limits()


def tried_by_an_adversary(examples, steps, *phases):
    settings = hypothesis.settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=True,
        phases=phases or (hypothesis.Phase.generate,),
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    run_state_machine_as_test(Adversary, settings=settings)


def test_no_sequence_of_calls_shows_a_junction_more_than_its_limits():
    tried_by_an_adversary(12, 20)


@pytest.mark.slow
def test_no_sequence_of_thousands_of_calls_shows_a_junction_more_than_its_limits():
    tried_by_an_adversary(150, 40)


MUTANTS = {
    "the doubling is forgotten": (bench_module, "front_panel_gain", lambda *_: 1.0),
    "widths do not count": (limits.Limits, "steps", lambda self, _: [(self.of_dc(-1.0), math.inf)]),
    "compliance volts are not looked at": (guarded, "check_dc", lambda *_: None),
}


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_adversary_finds_a_guard_that_is_broken(monkeypatch, mutant):
    """It must be able to fail. The judge keeps limits of its own."""
    monkeypatch.setattr(*MUTANTS[mutant])
    with pytest.raises(AssertionError, match="junctions saw"):
        tried_by_an_adversary(150, 20)
