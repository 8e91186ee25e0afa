"""Steps between looks into a pulse: a two-state history through the chances that a table gives for each of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl_sim import profile
from labctl_sim.flips import Flips, relaxed
from labctl_sim.macrospin.cache import Store
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.shapes import Shape
from labctl_sim.macrospin.shipped import nominal_layer, shipped_set
from labctl_sim.macrospin.switching import SwitchingTable, then
from labctl_sim.macrospin.tops import cut_off, ringing_seconds, steps
from labctl_sim.physics import Physics

REST = 5e-9


@pytest.fixture(scope="module")
def table():
    return SwitchingTable(nominal_layer("vcma_long_pulse"), store=Store(shipped=[shipped_set("vcma_long_pulse")]))


@pytest.fixture(scope="module")
def junction():
    return profile.load("vcma_long_pulse").junctions(1, np.random.default_rng(12))


def row(flips):
    return np.stack([flips.up, flips.down])


def parts(table, junction, volts, looks, path="table"):
    """The pulse of 120 ns at ``volts``, looked at."""
    wave, seconds = np.array([0.0, volts, 0.0]), np.array([REST, 120e-9, 20e-9])
    found = list(Physics(table, path).parts(junction, 0, wave, wave, seconds, np.array(looks) + REST))
    return found[0]


def composed(some):
    """What the steps of a part make up to each of its ends, chances (2, J)."""
    result, so_far = [], Flips(np.array(0.0), np.array(0.0))
    for up, down in zip(some.up, some.down, strict=True):
        so_far = then(so_far, Flips(up, down))
        result.append(row(so_far))
    return np.array(result).T


rates = st.floats(1e-3, 3.0)


@given(
    first=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda two: (two[0] / 2, two[1] / 2)),
    up=rates,
    down=rates,
    lengths=st.lists(st.floats(0, 3), min_size=1, max_size=12),
)
def test_steps_of_a_two_state_junction_are_those_of_its_rates(first, up, down, lengths):
    """Whatever happened before the first look; also long after that is forgotten, where only the rates still tell."""
    up, down = np.array([up]), np.array([down])
    own = [Flips(*relaxed(up, down, length)) for length in lengths]
    since = [Flips(np.array([first[0]]), np.array([first[1]]))]
    for each in own:
        since.append(then(since[-1], each))
    whole = Flips(*(np.array([getattr(each, name) for each in since]) for name in ("up", "down")))
    found = steps(whole, np.exp(-np.array(lengths)[:, None] * (up + down)))
    assert found.up[0] == first[0]
    np.testing.assert_allclose(found.up[1:, 0], [each.up[0] for each in own], atol=1e-9)
    np.testing.assert_allclose(found.down[1:, 0], [each.down[0] for each in own], atol=1e-9)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=8), rates)
def test_steps_are_chances_whatever_a_table_says(pairs, rate):
    pairs = np.array(pairs)[:, :, None]
    found = steps(Flips(pairs[:, 0], pairs[:, 1]), np.full((len(pairs) - 1, 1), np.exp(-rate)))
    for each in (found.up, found.down):
        assert ((each >= 0) & (each <= 1)).all()


@pytest.mark.parametrize("volts", [0.65, 0.7, 0.75, 0.9])
def test_looking_changes_nothing(table, junction, volts):
    """What the pulse does in the end, and what is seen at one look, do not depend on the other looks."""
    looks = np.arange(16e-9, 120e-9, 8e-9)
    whole = parts(table, junction, volts, [])
    many = parts(table, junction, volts, looks)
    assert whole.up.size == 1
    assert many.up.size == looks.size + 1
    seen = composed(many)
    np.testing.assert_allclose(seen[:, -1], [whole.up[0], whole.down[0]], atol=1e-3)
    for index in (0, 5):
        alone = parts(table, junction, volts, looks[[index]])
        np.testing.assert_allclose(seen[:, index], [alone.up[0], alone.down[0]], atol=1e-3)


@pytest.mark.parametrize(("volts", "looks"), [(0.65, [20e-9, 30e-9, 60e-9, 100e-9]), (0.75, [16e-9, 24e-9, 40e-9])])
def test_trajectories_agree_look_by_look(table, junction, volts, looks):
    """3,000 cycles from either state: seen AP, and seen AP twice running. Four standard errors and 0.02.

    False alarm below 6e-5 for each of the 22 numbers with another seed, none with this one.
    """
    engine = parts(table, junction, volts, looks, "engine")
    cycles = 3_000
    if_p, if_ap = engine.sample(cycles, np.random.default_rng(5))
    for start in (0, 1):
        state, share = np.full(cycles, start), float(start)
        for index, (up, down) in enumerate(zip(engine.up, engine.down, strict=True)):
            after = np.where(state == 1, if_ap[:, index], if_p[:, index])
            both, share = share * (1 - down), share * (1 - down) + (1 - share) * up
            assert after.mean() == pytest.approx(share, abs=4 * 0.5 / np.sqrt(cycles) + 0.02)
            assert (after & state).mean() == pytest.approx(both, abs=4 * 0.5 / np.sqrt(cycles) + 0.02)
            state = after


def test_a_short_pulse_and_the_ringing_of_a_long_one_are_not_looked_into(table, junction):
    scales = Scales.of(junction.layer)
    ringing = ringing_seconds(scales, 2e-9)
    assert ringing == pytest.approx(10 * scales.neel_seconds[0] / scales.transverse[0])
    assert 10e-9 < ringing < 20e-9
    assert parts(table, junction, 0.9, [ringing * 0.99]).up.size == 1
    assert parts(table, junction, 0.9, [ringing * 1.01]).up.size == 2
    wave, look = np.array([0.0, 0.9, 0.0]), np.array([REST + 1.5 * ringing])
    short, longer = (
        next(Physics(table).parts(junction, 0, wave, wave, np.array([REST, part * ringing, 20e-9]), look))
        for part in (1.99, 2.01)
    )
    assert (short.up.size, longer.up.size) == (1, 2)


def test_without_a_field_across_nothing_rings():
    layer = nominal_layer("superparamagnetic")
    assert ringing_seconds(Scales.of(layer), 2e-9) == 2e-9


def test_a_look_does_not_know_the_trailing_edge():
    """A quick one counts as half of its time at full height; of a slow one, in which a state may go, nothing counts."""
    tops = np.array([0.2e-9, 30e-9])
    quick, slow = Shape.trapezoid(1e-9, 1e-9), Shape.trapezoid(1e-9, 50e-9)
    assert cut_off(quick, tops, 2e-9)[0] == quick
    np.testing.assert_allclose(cut_off(quick, tops, 2e-9)[1], [0.0, 29.5e-9])
    assert cut_off(slow, tops, 2e-9)[0] == Shape(slow.leading)
    np.testing.assert_array_equal(cut_off(slow, tops, 2e-9)[1], tops)
