"""Telling two states apart."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.core.device import Acquisition, Frames
from labctl.core.errors import MeasurementError
from labctl.core.procedure import Progress
from labctl.core.pulses import PulsePlan, Timing
from labctl.procedures.shots import Pulses, Shooter, blocks
from labctl.procedures.threshold import Threshold


def reads(share, noise, n=2000, seed=1):
    generator = np.random.Generator(np.random.PCG64(seed))
    states = generator.random(n) < share
    return states, np.where(states, 1.7e-6, 3.3e-6) + noise * generator.standard_normal(n)


@pytest.mark.parametrize("share", [0.02, 0.5, 0.97])
def test_two_clear_groups_are_split_without_an_error(share):
    states, amps = reads(share, 5e-8)
    threshold = Threshold.between(amps)
    assert (threshold.states(amps) == states).all()
    assert threshold.parallel_amps == pytest.approx(3.3e-6, rel=0.02)
    assert threshold.antiparallel_amps == pytest.approx(1.7e-6, rel=0.02)
    assert threshold.separation == pytest.approx(1.6e-6 / 5e-8, rel=0.1)


@pytest.mark.parametrize(("share", "noise"), [(0.5, 4e-7), (0.0, 5e-8), (1.0, 5e-8)])
def test_reads_that_do_not_part_are_refused(share, noise):
    with pytest.raises(MeasurementError, match="do not show two states"):
        Threshold.between(reads(share, noise)[1])


@given(st.integers(0, 10_000), st.integers(16, 3000))
def test_blocks_add_up_and_none_is_too_large(total, largest):
    pieces = list(blocks(total, largest))
    assert sum(pieces) == total
    assert all(0 < piece <= largest for piece in pieces)
    assert all(piece % 8 == 0 for piece in pieces[:-1])


@given(st.integers(1024, 10**7), st.integers(4096, 2**18))
def test_no_block_is_too_short_to_be_judged(total, largest):
    assert min(blocks(total, largest)) >= 1024


class Bench:
    """A pulser and a digitizer that count what they are asked for, with 1 ms cycles."""

    def __init__(self):
        self.bursts = []

    def arm(self, frames):
        self.bursts.append(frames)

    def fire(self, cycles):
        assert cycles == self.bursts[-1]

    def fetch(self):
        asked = Acquisition(0.0, 1e-6, 4, 0.1)
        return Frames(np.zeros((self.bursts[-1], 4), np.int8), 1e-3, 0.0, asked)


@pytest.mark.parametrize(("single", "largest"), [(False, 1000), (True, 1)])
def test_the_instruments_are_never_left_to_themselves_for_more_than_a_second(single, largest):
    bench = Bench()
    shooter = Shooter(bench, bench, type("Array", (), {"sense_ohms": 1e4}))
    shooter._period_seconds = 1e-3
    chances = 0
    work = shooter.fire(2500, Progress(0, 2500, "shots"), single=single)
    while True:
        try:
            next(work)
        except StopIteration as finished:
            reads = finished.value
            break
        chances += 1
    assert reads.shape == (2500,)
    assert max(bench.bursts) == largest
    assert sum(bench.bursts) == 2500
    assert chances >= 3


class Apart:
    """A generator that plays pulse and read on a trigger each, and the digitizer that sees both."""

    def program(self, plan):
        assert plan.timing is Timing.AT_LEAST
        return PulsePlan(plan.phases, Timing.APART)

    def configure(self, wanted):
        self.asked = wanted
        return wanted

    def arm(self, frames):
        self.frames = frames

    def fire(self, cycles):
        assert self.frames == 2 * cycles

    def fetch(self):
        counts = np.zeros((self.frames, self.asked.samples), np.int8)
        counts[::2] = 127  # what stands after the pulse is not looked at, nor taken for an overdriven read
        counts[1::2] = 50
        return Frames(counts, 1e-3, 0.0, self.asked)


def test_reads_are_those_after_their_own_trigger_when_phases_are_played_apart():
    bench = Apart()
    shooter = Shooter(bench, bench, type("Array", (), {"sense_ohms": 1e4}))
    shooter.load(Pulses(0.7, 5e-9, 0.0, 0.1, 200e-9, long_gaps=True), 4)
    assert bench.asked.delay_seconds < 200e-9
    taken = []

    def work():
        taken.append((yield from shooter.fire(200, Progress(0, 1, ""))))

    assert len(list(work())) == 4, "no more than 64 shots between two chances to stop"
    assert taken[0].tolist() == pytest.approx([5e-6] * 200)
