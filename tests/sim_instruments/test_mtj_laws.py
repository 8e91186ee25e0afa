"""The junction's physics against closed forms and against an independent integration."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from labctl.core.errors import StationError
from labctl_sim import profile
from labctl_sim.mtj import Flips, Junctions


def junction(**changes):
    values = {
        "parallel_ohms": 30e3, "tmr": 1.0, "tmr_half_volts": 0.5, "stability": 30.0, "critical_volts": 0.8,
        "attempt_seconds": 1e-9, "tilt": 0.0, "tilt_per_volt": 0.0, "breakdown_volts": 1.4, "broken_ohms": 300.0,
    }  # fmt: skip
    return Junctions(**{name: np.array([value]) for name, value in (values | changes).items()})


def one(value):
    return np.array([value])


@pytest.mark.parametrize("seconds", [1.0, 1e3, 1e5])
def test_at_rest_it_forgets_as_neel_says(seconds):
    flips = junction().hold(one(0.0), seconds)
    k = 1e9 * np.exp(-30)
    assert flips.up[0] == pytest.approx(0.5 * -np.expm1(-2 * k * seconds), rel=1e-9)


@given(st.floats(-1, 0.7), st.floats(-0.02, 0.02))
@settings(max_examples=50, deadline=None)
def test_detailed_balance(volts, tilt):
    # As long as both barriers stand, the states' odds are exp(2 Delta s), whatever the voltage.
    cell = junction(tilt=tilt)
    up, down = cell.rates(one(volts))
    assert np.log(up[0] / down[0]) == pytest.approx(2 * 30 * tilt, abs=1e-9)
    forever = cell.hold(one(volts), 1e40)
    assert forever.up[0] + forever.down[0] == pytest.approx(1)
    assert forever.up[0] / forever.down[0] == pytest.approx(np.exp(2 * 30 * tilt), rel=1e-9)


@pytest.mark.parametrize("volts", [0.8, 0.9, 1.2])
def test_a_long_pulse_centres_itself(volts):
    flips = junction().hold(one(volts), 20e-9)
    assert flips.up[0] == pytest.approx(0.5, abs=1e-12)
    assert flips.down[0] == pytest.approx(0.5, abs=1e-12)


def test_negative_volts_raise_the_barrier():
    reading, resting = junction().hold(one(-0.2), 1e-6), junction().hold(one(0.0), 1e-6)
    assert reading.up[0] < 1e-3 * resting.up[0]


def test_a_trapezoid_is_integrated_along_its_edges():
    cell = junction(tilt=0.01)
    width, edge, top = 3e-9, 2e-9, 0.85
    times = np.arange(0, 6e-9, 1e-12)
    volts = np.interp(times + 0.5e-12, [0, edge, width, width + edge], [0, top, top, 0])[None, :]
    flips = cell.through(volts, volts, np.full(times.size, 1e-12))

    def master(t, p):
        up, down = cell.rates(one(np.interp(t, [0, edge, width, width + edge], [0, top, top, 0])))
        return up * (1 - p) - down * p

    for start, found in ((0.0, flips.up[0]), (1.0, 1 - flips.down[0])):
        exact = solve_ivp(master, (0, 6e-9), [start], rtol=1e-9, atol=1e-12, max_step=2e-11).y[0, -1]
        assert found == pytest.approx(exact, abs=1e-6)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_repeating_is_the_matrix_power(up, down, times):
    power = np.linalg.matrix_power(np.array([[1 - up, up], [down, 1 - down]]), times)
    many = Flips(one(up), one(down)).repeated(times)
    assert many.up[0] == pytest.approx(power[0, 1], abs=1e-12)
    assert many.down[0] == pytest.approx(power[1, 0], abs=1e-12)


def test_resistance_and_its_bias():
    cell, volts = junction(), one(0.5)
    assert 1 / cell.conductance(np.array([0], np.uint8), volts)[0] == pytest.approx(30e3)
    assert 1 / cell.conductance(np.array([1], np.uint8), one(0.0))[0] == pytest.approx(60e3)
    assert 1 / cell.conductance(np.array([1], np.uint8), volts)[0] == pytest.approx(45e3)


def test_every_number_of_the_shipped_profile_says_where_it_is_from():
    for name, quantity in profile.load("vcma_long_pulse").quantities.items():
        assert quantity.unit, name
        assert len(quantity.source) > 20, name
        assert quantity.status in profile.STATUSES


def test_a_wafer_is_its_seed():
    def draw(seed):
        return profile.load("vcma_long_pulse").draw(2000, np.random.Generator(np.random.PCG64(seed)))

    first = draw(1)
    np.testing.assert_array_equal(first.parallel_ohms, draw(1).parallel_ohms)
    # Five standard errors of a 5 % spread over 2000 junctions: false alarm 6e-7.
    assert np.log(first.parallel_ohms / 30e3).std() == pytest.approx(0.05, abs=5 * 0.05 / np.sqrt(4000))


@pytest.mark.parametrize("text", ["", "[parallel_ohms]\nvalue = 3e4\nunit='ohm'\nsource='x'\nstatus='guessed'", "]["])
def test_a_profile_without_its_sources_is_refused(tmp_path, text):
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(StationError, match=r"mine\.toml"):
        profile.load("mine.toml", tmp_path)
