"""A cell written into a solved array is the array solved anew; and other line ends are another solve of the ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.core.errors import ParameterError
from labctl.crossbar.network import REWRITES, Network

WIRES = {"word_segment_ohms": 1.0, "bit_segment_ohms": 0.7}


def array(rows, cols, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    return rng.uniform(2e-5, 2e-4, (rows, cols)), rng


def assert_same(found, expected, rng):
    for name in ("effective", "admittance", "array_admittance"):
        mine, theirs = getattr(found, name), getattr(expected, name)
        assert np.abs(mine - theirs).max() <= 1e-11 * np.abs(theirs).max(), name
    volts = rng.uniform(-1, 1, (2, found.rows))
    mine, theirs = found.solve(left=volts, bottom=0.1), expected.solve(left=volts, bottom=0.1)
    assert np.abs(mine.amps - theirs.amps).max() <= 1e-11 * np.abs(theirs.amps).max()
    np.testing.assert_allclose(mine.word_volts, theirs.word_volts, atol=1e-11)
    np.testing.assert_allclose(mine.bit_volts, theirs.bit_volts, atol=1e-11)
    np.testing.assert_allclose(
        found.currents(left=volts, bottom=0.1), theirs.amps, atol=1e-11 * np.abs(theirs.amps).max()
    )
    np.testing.assert_allclose(
        found.end_volts(left=volts, bottom=0.1), expected.end_volts(left=volts, bottom=0.1), atol=1e-11
    )
    drawn = rng.normal(size=(2, found.rows, found.cols))
    np.testing.assert_allclose(found.inject(drawn), expected.inject(drawn), rtol=0, atol=1e-10 * np.abs(drawn).max())
    mine, theirs = (n.solve(left=volts, extra_amps=1e-6 * drawn).cell_volts for n in (found, expected))
    np.testing.assert_allclose(mine, theirs, atol=1e-11)


@given(
    st.sampled_from([(6, 9), (20, 24)]),
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8), st.floats(0, 1e-2)), min_size=1, max_size=12),
    st.sampled_from([0.0, 5.0]),
    st.sampled_from([0.0, 1.0]),
)
@settings(max_examples=25, deadline=None)
def test_writing_cells_is_building_the_array_anew(shape, writes, end_ohms, word_ohms):
    siemens, rng = array(*shape, seed=3)
    wires = {"word_segment_ohms": word_ohms, "bit_segment_ohms": 0.7}
    ends = {"left_ohms": end_ohms, "bottom_ohms": end_ohms, "top_ohms": 100.0}
    network = Network(siemens, **wires, **ends)
    for row, col, value in writes:
        network = network.written(row, col, value)
        siemens[row, col] = value
    assert (network.conductance_siemens == siemens).all()
    assert_same(network, Network(siemens, **wires, **ends), rng)


def test_at_64_x_64_one_write_and_many_writes_keep_eleven_digits():
    siemens, rng = array(64, 64, seed=4)
    ends = {"left_ohms": 3.0, "bottom_ohms": 3.0}
    network = Network(siemens, **WIRES, **ends)
    for count in range(1, REWRITES + 6):
        row, col, value = *(int(k) for k in rng.integers(0, 64, 2)), float(rng.choice([0.0, 1e-4, 1 / 30]))
        network = network.written(row, col, value)
        siemens[row, col] = value
        if count in (1, REWRITES, REWRITES + 5):
            assert_same(network, Network(siemens, **WIRES, **ends), rng)


def test_a_written_network_is_another_one():
    siemens, _ = array(5, 4, seed=5)
    network = Network(siemens, **WIRES, left_ohms=0.0, bottom_ohms=0.0)
    before = network.effective.copy()
    other = network.written(2, 3, 1e-3).written(0, 0, 0.0)
    assert (network.effective == before).all()
    assert network.conductance_siemens[2, 3] == siemens[2, 3]
    assert other.conductance_siemens[2, 3] == 1e-3
    back = other.written(2, 3, siemens[2, 3]).written(0, 0, siemens[0, 0])
    np.testing.assert_allclose(back.effective, before, rtol=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        other.conductance_siemens[0, 0] = 1.0


@pytest.mark.parametrize("shape", [(6, 9), (20, 24)])
def test_other_line_ends_need_no_new_array(shape):
    siemens, rng = array(*shape, seed=6)
    network = Network(siemens, **WIRES, left_ohms=0.0, bottom_ohms=0.0).written(1, 2, 1e-3).written(3, 3, 0.0)
    left = np.where(np.arange(shape[0]) % 2, np.inf, 12.0)
    ends = {"left_ohms": left, "right_ohms": 1e3, "top_ohms": np.inf, "bottom_ohms": 0.5}
    siemens[1, 2], siemens[3, 3] = 1e-3, 0.0
    assert_same(network.terminated(**ends), Network(siemens, **WIRES, **ends), rng)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((3, 0, 1e-4), ["(3, 0)", "3 x 2", "0 to 2"]),
        ((0, -1, 1e-4), ["(0, -1)", "columns from 0 to 1"]),
        ((0, 0, -1e-4), ["-0.0001 S", "0 or more"]),
        ((0, 0, float("nan")), ["nan S", "finite"]),
    ],
)
def test_impossible_writes_are_refused(arguments, words):
    network = Network(np.full((3, 2), 1e-4), left_ohms=1.0, bottom_ohms=1.0)
    with pytest.raises(ParameterError) as refused:
        network.written(*arguments)
    for word in words:
        assert word in str(refused.value)
