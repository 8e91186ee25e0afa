"""What volts and time do to the demo's junctions, against the macrospin's own equation and closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl_sim import profile
from labctl_sim.flips import Flips
from labctl_sim.macrospin.shipped import store_for
from labctl_sim.macrospin.switching import SwitchingTable
from labctl_sim.physics import Physics
from labctl_sim.pulse_shape import staircase, trapezoid

HOUR = 3600.0


@pytest.fixture(scope="module")
def physics():
    kind = profile.load("vcma_long_pulse")
    return Physics(SwitchingTable(kind.nominal.layer, store=store_for(kind.name)))


@pytest.fixture(scope="module")
def wafer():
    """The wafer of the demo station, as the bench draws it."""
    seed = np.random.Generator(np.random.SFC64(np.random.SeedSequence(2407)))
    return profile.load("vcma_long_pulse").junctions(64, seed)


def through(physics, junctions, wave):
    volts = np.tile(wave.volts, (junctions.devices, 1))
    return physics.through(junctions, volts, volts, wave.seconds)


def pulse(volts, width, edge=1e-9, period=100e-9):
    return staircase(trapezoid(10e-9, width, edge, edge, 0.0, volts), period)


@pytest.mark.parametrize(("volts", "hours"), [(-0.2, 1e9), (0.0, 1e5), (0.1, 1e3), (0.25, 1.0)])
def test_states_last_for_hours_at_any_volts_that_read_them(physics, wafer, volts, hours):
    up, down = physics.rates(wafer, np.full(64, volts))
    assert max(up.max(), down.max()) * hours * HOUR < 0.05


def test_rates_rise_with_the_volts_as_the_barrier_falls(physics, wafer):
    rates = np.array([physics.rates(wafer, np.full(64, volts))[0] for volts in (-0.2, 0.0, 0.2, 0.4, 0.5)])
    assert (np.diff(np.log(rates), axis=0) > 5).all()


@pytest.mark.parametrize("volts", [0.88, 0.9, 0.95, 1.0])
def test_a_long_pulse_centres_itself_in_every_junction(physics, wafer, volts):
    flips = through(physics, wafer, pulse(volts, 20e-9))
    np.testing.assert_allclose(flips.up, 0.5, atol=0.01)
    np.testing.assert_allclose(flips.down, 0.5, atol=0.01)


@pytest.mark.parametrize(
    ("volts", "width", "cell"), [(0.62, 5e-9, 3), (0.7, 3e-9, 10), (0.8, 2e-9, 40), (0.9, 3e-9, 10)]
)
def test_a_trapezoid_is_solved_along_its_edges(physics, wafer, solved, volts, width, cell):
    """The Fokker-Planck equation through the very staircase; 0.006 is what the table's interpolation may cost."""
    some = replace(wafer.only(cell), cycle_anisotropy_spread=np.zeros(1))
    wave = staircase(trapezoid(0.05e-9, width, 1e-9, 1e-9, 0.0, volts), width + 1.2e-9)
    found = through(physics, some, wave)
    assert found.up[0] == pytest.approx(solved(some, wave.volts, wave.seconds, 0, 1), abs=0.006)


def test_a_pulse_the_other_way_does_nothing(physics, wafer):
    assert through(physics, wafer, pulse(-0.9, 20e-9)).up.max() == 0.0


def test_what_differs_from_pulse_to_pulse_smears_the_curve(physics, wafer):
    """At the foot of the curve the mean over the anisotropy lies above the value at its middle."""
    steady = replace(wafer, cycle_anisotropy_spread=np.zeros(64))
    wild = replace(wafer, cycle_anisotropy_spread=np.full(64, 0.01))
    wave = pulse(0.58, 20e-9)
    none, some = (through(physics, cells, wave).up for cells in (steady, wild))
    # ln P falls by 0.8 per kT (the field takes its part of the barrier): exp((0.8 x 0.66)^2/2) = 1.15 times as much.
    assert np.median(some / none) == pytest.approx(1.15, abs=0.04)


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 40))
@settings(max_examples=100, deadline=None)
def test_repeating_is_the_matrix_power(up, down, times):
    power = np.linalg.matrix_power(np.array([[1 - up, up], [down, 1 - down]]), times)
    many = Flips(np.array([up]), np.array([down])).repeated(times)
    assert many.up[0] == pytest.approx(power[0, 1], abs=1e-12)
    assert many.down[0] == pytest.approx(power[1, 0], abs=1e-12)
