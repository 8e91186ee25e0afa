"""The health tests: cut-offs as published, faults noticed, perfect bits let pass."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.core.bits import Bits, Origin
from labctl.entropy.health import WINDOW, apt_cutoff, assess, rct_cutoff

KNOWN = json.loads((Path(__file__).parents[1] / "data" / "sp800_90b_health_cutoffs.json").read_text())
N = 2**16


def generator():
    return np.random.default_rng(20260101)


def judged(values, **options):
    return assess(Bits.of(np.asarray(values), Origin.SIMULATED), **options)


@pytest.mark.parametrize("case", KNOWN["rct"], ids=str)
def test_repetition_cutoffs_are_the_published_ones(case):
    assert rct_cutoff(case["min_entropy"], 2.0 ** case["log2_alpha"]) == case["cutoff"]


@pytest.mark.parametrize("case", KNOWN["apt"], ids=str)
def test_proportion_cutoffs_are_the_published_ones(case):
    assert apt_cutoff(case["min_entropy"], 2.0 ** case["log2_alpha"], case["window"]) == case["cutoff"]


def test_perfect_bits_are_healthy():
    # fixed seed; at min_entropy 0.9 and alpha 2**-30 a perfect source of 2**20 bits alarms with p < 1e-4
    # (repetitions: 2**20 chances of a run of 35), so any other seed would most likely do
    health = judged(generator().integers(0, 2, 2**20))
    assert health.healthy
    assert health.reason == ""
    assert (health.n, health.rct_cutoff, health.apt_cutoff) == (2**20, 35, 645)
    assert abs(health.bias_z) < 5
    assert abs(health.lag1_z) < 5


FAULTS = {
    "stuck at zero": lambda g: np.zeros(N, int),
    "stuck at one": lambda g: np.ones(N, int),
    "alternating": lambda g: np.arange(N) % 2,
    "62 % ones": lambda g: (g.random(N) < 0.62).astype(int),
    "sticky": lambda g: np.cumsum(g.random(N) < 0.4) % 2,
    "one dead stretch": lambda g: np.concatenate([g.integers(0, 2, N), np.zeros(40, int), g.integers(0, 2, N)]),
    "drifts away for a window": lambda g: np.concatenate([g.integers(0, 2, N), g.random(4 * WINDOW) < 0.8]).astype(int),
    "too few": lambda g: g.integers(0, 2, WINDOW - 1),
    "none": lambda g: np.zeros(0, int),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed_and_named(fault):
    health = judged(FAULTS[fault](generator()))
    assert not health.healthy
    assert health.reason


def test_a_raw_junction_may_be_a_little_biased():
    # p = 0.52 has 0.94 bits of min-entropy, more than the 0.9 that is claimed; fixed seed
    health = judged((generator().random(N) < 0.52).astype(int))
    assert health.healthy
    assert health.bias_z > 5


@given(st.lists(st.integers(0, 1), min_size=1, max_size=200))
def test_the_counts_are_those_of_a_slow_loop(values):
    health = judged(values)
    longest = run = 1
    for before, after in itertools.pairwise(values):
        run = run + 1 if before == after else 1
        longest = max(longest, run)
    assert (health.n, health.ones, health.longest_run) == (len(values), sum(values), longest)
    assert -1.0 <= health.lag1 <= 1.0


@given(st.integers(1, 60), st.integers(0, 3))
def test_every_run_that_reaches_the_cutoff_alarms_once(length, times):
    values = np.concatenate([np.array([0, 1]), *[np.append(np.zeros(length, int), 1) for _ in range(times)]])
    health = judged(values, min_entropy=1.0, alpha=2**-20)
    assert health.rct_alarms == (times if length >= 21 else 0)
