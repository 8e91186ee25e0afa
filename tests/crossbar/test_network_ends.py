"""What is at the line ends: resistances in series, voltmeters, and where the power of the sources goes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.core.errors import MeasurementError, ParameterError
from labctl.crossbar.ends import LineEnd, end_ohms
from labctl.crossbar.network import Network


@given(
    st.integers(1, 18),
    st.integers(1, 18),
    st.floats(0.1, 30),
    st.floats(0.1, 30),
    st.sampled_from([1.0, 50.0, np.inf]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=40, deadline=None)
def test_the_power_of_the_sources_is_the_heat_of_the_resistors(rows, cols, word_ohms, bit_ohms, far_ohms, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    siemens = 10 ** rng.uniform(-6, -3, (rows, cols))
    ends = np.concatenate([rng.uniform(1, 20, rows), np.full(rows, far_ohms), np.full(cols, far_ohms), np.ones(cols)])
    left, right, top, bottom = np.split(ends, np.cumsum([rows, rows, cols]))
    network = Network(
        siemens,
        word_segment_ohms=word_ohms,
        bit_segment_ohms=bit_ohms,
        left_ohms=left,
        right_ohms=right,
        top_ohms=top,
        bottom_ohms=bottom,
    )
    volts = rng.uniform(-1, 1, (1, network.terminals))
    sides = np.split(volts, np.cumsum([rows, rows, cols]), axis=1)
    found = network.solve(left=sides[0], right=sides[1], top=sides[2], bottom=sides[3])
    segments = np.concatenate([np.full(2 * rows, word_ohms), np.full(2 * cols, bit_ohms)])
    heat = (found.cell_volts**2 * siemens).sum()
    heat += (np.diff(found.word_volts, axis=2) ** 2).sum() / word_ohms
    heat += (np.diff(found.bit_volts, axis=1) ** 2).sum() / bit_ohms
    connected = np.isfinite(ends)
    heat += (found.amps[0, connected] ** 2 * (ends + segments)[connected]).sum()
    assert (volts * found.amps).sum() == pytest.approx(heat, rel=1e-9, abs=1e-15)


def test_resistances_of_an_end_are_in_series_and_an_open_one_floats():
    ends = [LineEnd(50.0, 0.5, 0.1), None, LineEnd()]
    assert end_ohms(ends).tolist() == pytest.approx([50.6, np.inf, 0.0])
    siemens = np.full((3, 2), 1e-4)
    network = Network(siemens, word_segment_ohms=1.0, left_ohms=end_ohms(ends), bottom_ohms=2.0)
    same = Network(siemens, word_segment_ohms=1.0, left_ohms=[50.6, np.inf, 0.0], bottom_ohms=2.0)
    assert (network.solve(left=1.0).amps == same.solve(left=1.0).amps).all()
    assert network.solve(left=1.0).left[0, 1] == 0


@pytest.mark.parametrize("ohms", [-1.0, np.inf, np.nan])
def test_an_end_without_a_possible_resistance_is_refused(ohms):
    with pytest.raises(ParameterError, match="switch_ohms"):
        LineEnd(switch_ohms=ohms)


@pytest.mark.parametrize("size", [3, 20])
def test_a_voltmeter_at_the_far_ends_takes_the_lead_out_of_a_reading(size):
    # Kelvin: drive through 40 ohm, read the volts at the other ends of the selected lines.
    left = np.where(np.arange(size) == 0, 40.0, 0.0)
    network = Network(
        np.full((size, size), 1e-4), word_segment_ohms=1e-3, bit_segment_ohms=1e-3, left_ohms=left, bottom_ohms=0.0
    )
    drive = np.eye(size)[0]
    amps, volts = network.currents(left=drive)[0], network.end_volts(left=drive)[0]
    two_wire = -amps[-size] / 1.0
    four_wire = -amps[-size] / (volts[size] - volts[2 * size])
    assert abs(four_wire / 1e-4 - 1) < 0.02 * abs(two_wire / 1e-4 - 1)
    assert volts[0] == pytest.approx(1.0 - 40.0 * amps[0], rel=1e-9)
    assert np.abs(amps[size : 3 * size]).max() < 1e-15


@pytest.mark.parametrize("size", [4, 17, 32])
def test_the_effective_conductance_is_what_each_word_line_gives_each_bit_line(size):
    rng = np.random.Generator(np.random.PCG64(size))
    siemens = rng.uniform(1e-5, 1e-4, (size, size + 3))
    wires = {"word_segment_ohms": 2.0, "bit_segment_ohms": 1.0}
    network = Network(siemens, **wires, left_ohms=5.0, bottom_ohms=0.0)
    assert network.effective.shape == (size + 3, size)
    found = -network.solve(left=np.eye(size)).bottom.T
    np.testing.assert_allclose(network.effective, found, rtol=1e-10)
    ideal = Network(siemens, left_ohms=0.0, bottom_ohms=0.0)
    np.testing.assert_allclose(ideal.effective, siemens.T, rtol=1e-13)


def test_lines_may_be_held_by_next_to_nothing_but_not_by_less_than_a_number_holds():
    wires = {"word_segment_ohms": 1e-9, "bit_segment_ohms": 1.0, "left_ohms": [1e29, 3e29]}
    found = Network(np.full((2, 2), 1e-4), **wires).solve(left=[1.0, -1.0])
    np.testing.assert_allclose(found.left[0], [5e-30, -5e-30], rtol=1e-12)
    np.testing.assert_allclose(found.word_volts, 0.5, rtol=1e-12)
    with pytest.raises(MeasurementError, match="less than a number can tell"):
        Network([[1e-4], [1e-320]], left_ohms=[0.0, np.inf], bottom_ohms=0.0).solve(left=1.0)


def parts(network):
    """The array in which word line 1 and bit line 2 are a block of their own, and word line 3 is alone."""
    siemens = np.full((4, 4), 1e-4)
    siemens[1], siemens[:, 2], siemens[3] = 0.0, 0.0, 0.0
    siemens[1, 2] = 2e-4
    left = [0.0, np.inf, 3.0, np.inf]
    return network(siemens, left_ohms=left, bottom_ohms=[5.0, 5.0, np.inf, 0.0])


@pytest.mark.parametrize("word_ohms", [0.0, 1e-9, 1.0])
@pytest.mark.parametrize("bit_ohms", [0.0, 2.0])
def test_lines_that_no_source_reaches_carry_nothing_and_change_nothing(word_ohms, bit_ohms):
    def network(siemens, **ends):
        return Network(siemens, word_segment_ohms=word_ohms, bit_segment_ohms=bit_ohms, **ends)

    found = parts(network)
    assert found.unreached.tolist() == [0, 1, 0, 2, 0, 0, 1, 0]
    volts = {"left": [0.3, 9.0, 0.1, 9.0], "bottom": [0.0, 0.1, 9.0, 0.0]}
    # the same with all the lost lines on a source: those no longer float, and still nothing flows
    held = network(
        found.conductance_siemens, left_ohms=[0.0, 1.0, 3.0, 1.0], bottom_ohms=[5.0, 5.0, 1.0, 0.0], top_ohms=np.inf
    ).solve(left=[0.3, 9.0, 0.1, 9.0], bottom=[0.0, 0.1, 9.0, 0.0])
    solution = found.solve(**volts)
    np.testing.assert_allclose(solution.amps, held.amps, atol=1e-14 * np.abs(held.amps).max())
    np.testing.assert_allclose(found.currents(**volts), held.amps, atol=1e-14 * np.abs(held.amps).max())
    assert (solution.amps[0, [1, 3, 4 + 1, 4 + 3, 8 + 2, 12 + 2]] == 0).all()
    reached = np.ix_([0], [0, 2], [0, 1, 3])
    np.testing.assert_allclose(solution.word_volts[reached], held.word_volts[reached], rtol=1e-12)
    np.testing.assert_allclose(solution.bit_volts[reached], held.bit_volts[reached], rtol=1e-12)
    assert np.abs(solution.cell_volts[0, 1, 2]) < 1e-15
    drawn = np.zeros((1, 4, 4))
    drawn[0, 1, 2] = 1e-5  # what a cell there draws can only come back through it
    inside = found.solve(**volts, extra_amps=drawn)
    np.testing.assert_allclose(inside.amps, solution.amps, atol=1e-18)
    assert inside.cell_volts[0, 1, 2] == pytest.approx(-1e-5 / 2e-4, rel=1e-9)


def test_a_written_cell_joins_and_parts_lines():
    found = parts(Network)
    assert found.written(1, 0, 1e-4).unreached.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    joined = found.written(3, 0, 1e-4)
    volts = {"left": 0.3}
    expected = parts(lambda siemens, **ends: Network(joined.conductance_siemens, **ends))
    np.testing.assert_allclose(joined.currents(**volts), expected.currents(**volts), rtol=1e-12)
    again = joined.written(3, 0, 0.0)
    assert (again.unreached == found.unreached).all()
    np.testing.assert_allclose(again.currents(**volts), found.currents(**volts), rtol=1e-12)
    assert not found.terminated(left_ohms=1.0, bottom_ohms=1.0).unreached.any()
