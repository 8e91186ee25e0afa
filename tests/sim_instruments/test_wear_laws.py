"""Breakdown against Weibull's law in closed form, whatever way the stress is cut."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.core.errors import ParameterError
from labctl_sim import profile
from labctl_sim.wear import Wear, strengths

LAWS = ("power", "exponential")


def wafer(count=1, law="power", seed=1):
    endurance = profile.load("vcma_long_pulse").junctions(count, np.random.Generator(np.random.PCG64(seed))).endurance
    return replace(endurance, breakdown_law=law)


@pytest.mark.parametrize(
    ("law", "volts", "seconds"),
    [
        ("power", 1.0, 1e7), ("power", -1.0, 1e7), ("power", 1.25, 1e7 * 1.25**-40), ("power", 0.0, np.inf),
        ("exponential", 1.0, 1e7), ("exponential", -1.25, 1e7 * np.exp(-10)), ("exponential", 0.0, 1e7 * np.exp(40)),
    ],
)  # fmt: skip
def test_life_falls_with_the_volts(law, volts, seconds):
    assert wafer(law=law).lifetime_seconds(np.array([volts]))[0] == pytest.approx(seconds, rel=1e-9)


@given(st.floats(1e-6, 1 - 1e-6), st.floats(0.5, 4), st.floats(0.7, 1.35), st.sampled_from(LAWS))
@settings(max_examples=100, deadline=None)
def test_under_constant_volts_a_junction_breaks_at_its_quantile(uniform, slope, volts, law):
    # F(t) = 1 - exp(-(t/eta)^beta): the junction of survival ``uniform`` breaks at eta (-ln uniform)^(1/beta).
    endurance = replace(wafer(law=law), breakdown_strength=strengths(np.array([uniform]), np.array([slope])))
    eta = endurance.lifetime_seconds(np.array([volts]))[0]
    due = eta * (-np.log(uniform)) ** (1 / slope)
    assert not Wear(endurance).stress(np.array([volts]), due * (1 - 1e-9))[0]
    assert Wear(endurance).stress(np.array([volts]), due * (1 + 1e-9))[0]


@pytest.mark.parametrize("law", LAWS)
def test_a_wafer_breaks_as_weibull_says(law):
    n, volts = 20_000, np.full(20_000, 1.2)
    endurance = wafer(n, law)
    wear = Wear(replace(endurance, breakdown_volts=np.full(n, 9.0)))
    eta = endurance.lifetime_seconds(volts)[0]
    before = 0.0
    for t in (0.05, 0.3, 1.0, 2.0):
        wear.stress(volts, (t - before) * eta)
        before = t
        expected = -np.expm1(-(t**1.5))
        # Five standard errors: false alarm 6e-7 per time with another seed, none with this one.
        assert wear.broken.mean() == pytest.approx(expected, abs=5 * np.sqrt(expected * (1 - expected) / n))


@given(st.permutations([0.4, 0.9, 1.1, -1.2]), st.lists(st.floats(0, 1, allow_subnormal=False), min_size=4, max_size=4))
@settings(max_examples=50, deadline=None)
def test_doses_add_up_in_any_order_and_any_cut(volts, seconds):
    endurance = wafer(3)
    pieces = np.tile(np.array(volts), (3, 1))
    at_once, cycled, one_by_one = Wear(endurance), Wear(endurance), Wear(endurance)
    at_once.stress(pieces, np.array(seconds) * 7)
    cycled.stress(pieces, np.array(seconds), cycles=7)
    for v, t in sorted(zip(volts, seconds, strict=True)):
        one_by_one.stress(np.full(3, v), 7 * t)
    np.testing.assert_allclose(at_once.dose, cycled.dose, rtol=1e-12)
    np.testing.assert_allclose(at_once.dose, one_by_one.dose, rtol=1e-12)


def test_beyond_the_breakdown_volts_it_takes_an_instant_and_happens_once():
    endurance = replace(wafer(3), breakdown_volts=np.array([1.3, 1.4, 1.5]))
    wear = Wear(endurance)
    assert wear.stress(np.full(3, -1.45), 0.0).tolist() == [True, True, False]
    dose = wear.dose.copy()
    assert wear.stress(np.full(3, 1.45), 1e-9).tolist() == [False, False, False]
    assert wear.broken.tolist() == [True, True, False]
    assert wear.dose[:2].tolist() == dose[:2].tolist()  # what is broken ages no more
    assert wear.dose[2] > dose[2]


def test_a_trillion_demo_pulses_break_nothing():
    # 64 junctions, a thousand pulses of the demo for each nanosecond of a quarter of an hour.
    wear = Wear(wafer(64, seed=2407))
    wear.stress(np.full((64, 1), 0.9), np.array([20e-9]), cycles=10**12)
    assert wear.dose.max() < 1e-4
    assert not wear.broken.any()


@pytest.mark.parametrize("seconds", [-1.0, np.nan, np.array([1.0, 2.0])])
def test_times_that_cannot_be_are_refused(seconds):
    with pytest.raises(ParameterError, match="one time of 0 or more"):
        Wear(wafer(2)).stress(np.ones(2), seconds)
