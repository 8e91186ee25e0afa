"""The two ways to reduce an array to its ends know nothing of each other and must agree."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.crossbar.kron import Tree
from labctl.crossbar.network import Network
from labctl.crossbar.nodal import Nodal
from labctl.crossbar.seams import pairs

# An array's ports differ by the conductance of its wires; the cells' digits are what is left of 16.
DIGITS = 1e-12


@st.composite
def arrays(draw, most=20):
    rows, cols = draw(st.integers(1, most)), draw(st.integers(1, most))
    rng = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32 - 1))))
    siemens = 10 ** rng.uniform(-7, -2, (rows, cols))
    siemens[rng.random((rows, cols)) < draw(st.sampled_from([0.0, 0.3, 1.0]))] = 0.0
    return siemens, draw(st.sampled_from([0.2, 1.0, 40.0])), draw(st.sampled_from([0.5, 3.0])), rng


@given(arrays())
@settings(max_examples=60, deadline=None)
def test_a_tree_of_tiles_is_the_sparse_factor(case):
    siemens, word_ohms, bit_ohms, rng = case
    tree, nodal = Tree(siemens, word_ohms, bit_ohms), Nodal(siemens, word_ohms, bit_ohms)
    scale = np.abs(nodal.admittance).max()
    np.testing.assert_allclose(tree.admittance, nodal.admittance, atol=DIGITS * scale)
    np.testing.assert_allclose(tree.admittance, tree.admittance.T, atol=0)
    np.testing.assert_allclose(tree.admittance.sum(axis=1), 0, atol=1e-14 * scale)
    assert (tree.port_of_end == nodal.port_of_end).all()

    drawn, volts = rng.normal(size=(2, *siemens.shape)), rng.normal(size=(tree.admittance.shape[0], 2))
    found, expected = tree.lift(drawn), nodal.lift(drawn)
    np.testing.assert_allclose(found[0], expected[0], atol=1e-11 * siemens.size)
    for mine, theirs in zip(tree.descend(volts, found[1]), nodal.descend(volts, expected[1]), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-11 * np.abs(theirs).max())
    for mine, theirs in zip(tree.descend(volts), nodal.descend(volts), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-11)


@given(arrays(), st.data())
@settings(max_examples=40, deadline=None)
def test_the_press_of_a_cell_is_its_lift_and_its_own_resistance(case, data):
    siemens, word_ohms, bit_ohms, _ = case
    spots = [tuple(data.draw(st.integers(0, size - 1)) for size in siemens.shape) for _ in range(2)]
    for reduction in (Tree(siemens, word_ohms, bit_ohms), Nodal(siemens, word_ohms, bit_ohms)):
        a, b = (reduction.press(*spot) for spot in spots)
        unit = np.zeros((1, *siemens.shape))
        unit[(0, *spots[1])] = 1.0
        ports, lifted = reduction.lift(unit)
        np.testing.assert_allclose(b.ports, -ports[:, 0], atol=1e-13)
        word, bit = reduction.descend(np.zeros((reduction.admittance.shape[0], 1)), lifted)
        for spot, press in zip(spots, (a, b), strict=True):
            volts = word[(0, *spot)] - bit[(0, *spot)]
            np.testing.assert_allclose(press.load @ b.response, -volts, atol=1e-11 * b.load @ b.response)


@pytest.mark.parametrize("shape", [(64, 64), (33, 70), (5, 129)])
def test_large_arrays_agree_too(shape):
    rng = np.random.Generator(np.random.PCG64(11))
    siemens = rng.uniform(2e-5, 1e-3, shape)
    tree, nodal = Tree(siemens, 1.0, 2.0), Nodal(siemens, 1.0, 2.0)
    np.testing.assert_allclose(tree.admittance, nodal.admittance, atol=DIGITS)


@pytest.mark.parametrize(("word_ohms", "bit_ohms"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_a_wire_without_resistance_is_the_limit_of_one_with_little(word_ohms, bit_ohms):
    rng = np.random.Generator(np.random.PCG64(12))
    siemens, volts = rng.uniform(1e-5, 1e-4, (20, 17)), rng.uniform(-1, 1, (3, 20))
    ends = {"left_ohms": 10.0, "right_ohms": 20.0, "bottom_ohms": 5.0}
    exact = Network(siemens, word_segment_ohms=word_ohms, bit_segment_ohms=bit_ohms, **ends)
    near = Network(siemens, word_segment_ohms=word_ohms or 1e-5, bit_segment_ohms=bit_ohms or 1e-5, **ends)
    found, expected = exact.solve(left=volts).amps, near.solve(left=volts).amps
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(found).max())
    np.testing.assert_allclose(exact.end_volts(left=volts), near.end_volts(left=volts), atol=1e-4)


@pytest.mark.parametrize("count", range(1, 9))
def test_neighbours_are_joined_with_neighbours_until_one_is_left(count):
    members = {number: [number] for number in range(count)}
    for a, b, joined in pairs(count):
        members[joined] = members[a] + members[b]
    assert members[max(members)] == list(range(count))
