"""The switching table against sampled trajectories, the Fokker-Planck equation and the laws of two states."""

from dataclasses import replace

import numpy as np
import pytest

from labctl.core.errors import ParameterError
from labctl_sim.flips import Flips
from labctl_sim.macrospin.cache import Store
from labctl_sim.macrospin.drive import trapezoid
from labctl_sim.macrospin.layer import FreeLayer
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.shapes import Shape
from labctl_sim.macrospin.switching import SwitchingTable, then, toss
from labctl_sim.macrospin.trials import switching_probability
from labctl_sim.pulse_shape import staircase
from labctl_sim.pulse_shape import trapezoid as corners

LAYER = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 60e-15, 1.4e-9, 0.05, bx_tesla=0.03)
CRITICAL = float(LAYER.critical_volts[0])
EDGE = 0.3e-9


@pytest.fixture(scope="module")
def store():
    return Store()


@pytest.fixture(scope="module")
def table(store):
    return SwitchingTable(LAYER, edge_seconds=EDGE, store=store)


def test_sampled_trajectories_agree(table):
    """8,000 trials at each of eight points, step 2 ps.

    Four standard errors, and 0.003 for interpolation, stairs and step: a false alarm has a chance below 6e-5 x 8.
    """
    for part in (1.0, 0.93):
        volts = part * CRITICAL
        for width in (0.6e-9, 0.9e-9, 1.5e-9, 4e-9):
            options = {"step_seconds": 2e-12, "relax_seconds": 2e-9, "thermalise_seconds": 0.0}
            pulse = trapezoid(volts, width, EDGE, EDGE)
            found, error = switching_probability(LAYER, pulse, trials=8_000, seed=11, **options)
            flips = table.flips(LAYER, np.array([volts]), width)
            assert flips.up[0] == pytest.approx(found[0], abs=4 * error[0] + 0.003), (part, width)


def test_interpolation_between_columns_is_as_good_as_stated(table, exact):
    """At random volts and widths of the nominal junction; the docstring of the table has this bound."""
    rng = np.random.default_rng(3)
    volts = rng.uniform(0.94, 1.0, 16) * CRITICAL
    widths = np.exp(rng.uniform(np.log(0.4e-9), np.log(12e-9), 16))
    shape = Shape.trapezoid(EDGE, EDGE)
    found = [table.flips(LAYER, np.array([v]), float(w)).up[0] for v, w in zip(volts, widths, strict=True)]
    right = [exact(LAYER, v, w - shape.half_seconds, shape)[0, 0] for v, w in zip(volts, widths, strict=True)]
    off = np.array(found) - right
    assert np.abs(off).max() < 0.002
    assert np.sqrt((off**2).mean()) < 0.001


def test_a_symmetric_junction_flips_alike_and_a_stray_field_tells_the_states_apart(table):
    volts = np.array([CRITICAL])
    flips = table.flips(LAYER, volts, 1.1e-9)
    assert flips.up == flips.down
    up, down = (table.flips(replace(LAYER, bz_tesla=field), volts, 1.1e-9) for field in (2e-4, -2e-4))
    assert up.up[0] == pytest.approx(down.down[0], abs=1e-6)
    assert up.down[0] == pytest.approx(down.up[0], abs=1e-6)


def test_a_long_pulse_leaves_equilibrium_and_no_pulse_changes_nothing(table):
    long = table.flips(LAYER, np.array([CRITICAL]), 200e-9)
    assert long.up[0] == pytest.approx(0.5, abs=1e-3)
    none = table.flips(LAYER, np.array([0.0]), 20e-9)
    assert 0 <= none.up[0] < 1e-7  # 21 kT for 20 ns
    assert table.flips(LAYER, np.array([-CRITICAL]), 20e-9).up[0] < 1e-18


@pytest.mark.parametrize(("part", "width", "within"), [(0.38, 20e-9, 0.1), (0.38, 3e-9, 0.9), (0.42, 20e-9, 0.1)])
def test_where_escape_takes_over_the_two_ways_meet(table, exact, part, width, within):
    """Around 10 kT of barrier: 10 % of P after 20 ns; short pulses are over before the rate is reached."""
    shape = Shape.trapezoid(EDGE, EDGE)
    barrier = float(Scales.of(LAYER).barrier(np.array([part * CRITICAL]))[0])
    assert 8.5 < barrier < 11.5
    by_columns = exact(LAYER, part * CRITICAL, width - shape.half_seconds, shape)[0, 0]
    by_escape = table.hold(LAYER, np.array([part * CRITICAL]), width - EDGE + 0.3 * EDGE).up[0]
    assert by_escape == pytest.approx(by_columns, rel=within)
    assert abs(by_escape - by_columns) < 5e-4


def test_holding_is_two_state_relaxation_from_nanoseconds_to_years(table):
    volts = np.array([0.0])
    year = table.hold(LAYER, volts, 3.15e7)
    second = table.hold(LAYER, volts, 1.0)
    assert 0 < second.up[0] < year.up[0] <= 0.5
    again = table.hold(LAYER, volts, 2.0)
    np.testing.assert_allclose(then(second, second).up, again.up, rtol=1e-9)


def cycle(*pulses, period=200e-9):
    points = [corner for begin, width, edge, top in pulses for corner in corners(begin, width, edge, edge, 0.0, top)]
    return staircase(points, period)


def test_a_waveform_is_its_pulses_one_after_the_other(table):
    volts = CRITICAL * 0.97
    wave = cycle((10e-9, 1.5e-9, EDGE, volts), (60e-9, 0.9e-9, EDGE, volts))
    layer = LAYER.repeated(3)
    seen = np.tile(wave.volts, (3, 1))
    both = table.through(layer, seen, seen, wave.seconds)
    one, two = (table.flips(layer, np.full(3, volts), width) for width in (1.5e-9, 0.9e-9))
    np.testing.assert_allclose(both.up, then(one, two).up, atol=2e-6)  # and 200 ns of rest
    np.testing.assert_allclose(both.down, then(one, two).down, atol=2e-6)


def test_each_state_decides_by_the_volts_that_it_sees(table):
    wave = cycle((10e-9, 0.9e-9, EDGE, 1.0))
    low, high = 0.95 * CRITICAL, CRITICAL
    flips = table.through(LAYER, low * wave.volts[None], high * wave.volts[None], wave.seconds)
    assert flips.up[0] == pytest.approx(table.flips(LAYER, np.array([low]), 0.9e-9).up[0], abs=2e-6)
    assert flips.down[0] == pytest.approx(table.flips(LAYER, np.array([high]), 0.9e-9).down[0], abs=2e-6)


def test_two_pulses_too_near_to_settle_are_one_shape():
    """Against the engine: two pulses 0.2 ns apart. 8,000 trials, four standard errors and 0.005."""
    table = SwitchingTable(LAYER)
    volts = CRITICAL
    wave = cycle((5e-9, 0.45e-9, 0.0, volts), (5.65e-9, 0.4e-9, 0.0, volts), period=10e-9)
    seen = wave.volts[None]
    flips = table.through(LAYER, seen, seen, wave.seconds)
    ends = np.cumsum(wave.seconds)
    starts = ends - wave.seconds
    drive = replace(
        trapezoid(1.0, 1e-9, 0.0, 0.0),
        seconds=np.stack([starts, ends], axis=1).ravel(),
        volts=np.repeat(wave.volts, 2),
    )
    found, error = switching_probability(
        LAYER, drive, trials=8_000, seed=5, step_seconds=2e-12, thermalise_seconds=0.0, relax_seconds=0.0
    )
    assert flips.up[0] == pytest.approx(found[0], abs=4 * error[0] + 0.005)
    apart = table.flips(LAYER, np.array([volts]), 0.45e-9), table.flips(LAYER, np.array([volts]), 0.4e-9)
    assert abs(flips.up[0] - then(*apart).up[0]) > 0.03


def test_spin_torque_pushes_the_way_that_the_engine_says():
    """8,000 trials each; four standard errors and 0.01."""
    layer = FreeLayer(50e-9, 1.1e-9, 0.625e6, 0.32e-3, 0.0, 1.4e-9, 0.05, bx_tesla=0.0, torque_tesla_per_volt=0.02)
    table = SwitchingTable(layer)
    found, error = switching_probability(
        layer, trapezoid(0.7, 2e-9, 0.0, 0.0), trials=8_000, seed=2, step_seconds=2e-12, thermalise_seconds=0.0
    )
    flips = table.flips(layer, np.array([0.7]), 2e-9)
    assert 0.1 < found[0] < 0.9
    assert flips.up[0] == pytest.approx(found[0], abs=4 * error[0] + 0.01)
    assert flips.down[0] < 0.01
    back = table.flips(layer, np.array([-0.7]), 2e-9)
    assert back.down[0] == pytest.approx(flips.up[0], abs=1e-3)


def test_coins_have_their_chances():
    """A million coins each: five standard errors, false alarm 6e-7 x 3."""
    chance = np.array([0.0, 0.25, 0.5, 0.9, 1.0])
    coins = toss(chance, 1_000_000, np.random.default_rng(8))
    assert coins.dtype == np.uint8
    np.testing.assert_allclose(coins.mean(axis=0), chance, atol=5 * 0.5e-3)
    assert coins[:, 0].max() == 0
    assert coins[:, 4].min() == 1


def test_pulses_compose():
    first, second = Flips(np.array([0.3]), np.array([0.2])), Flips(np.array([0.1]), np.array([0.6]))
    whole = then(first, second)
    assert whole.up[0] == pytest.approx(0.3 * 0.4 + 0.7 * 0.1)
    assert whole.down[0] == pytest.approx(0.2 * 0.9 + 0.8 * 0.6)


def test_what_cannot_be_tabulated_is_refused():
    with pytest.raises(ParameterError, match="give one"):
        SwitchingTable(LAYER.repeated(2))
    with pytest.raises(ParameterError, match="no volts"):
        SwitchingTable(replace(LAYER, vcma_joules_per_volt_meter=0.0))
    with pytest.raises(ParameterError, match="holds no state"):
        SwitchingTable(LAYER.with_stability(0.1).only(slice(0, 1)))


def test_the_provenance_names_the_columns(table):
    table.flips(LAYER, np.array([CRITICAL]), 1e-9)
    before = table.provenance
    assert "Fokker-Planck" in before
    assert SwitchingTable(LAYER).provenance != before
