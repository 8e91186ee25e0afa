"""What must hold for any crossbar, and the closed forms of the simplest ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.core.errors import ParameterError
from labctl.crossbar.network import Network

SIDES = ("left", "right", "top", "bottom")
# Rounding of 1 V across a wire of 0.1 ohm: what a current that should be zero may be.
ROUNDING_AMPS = 1e-13


@st.composite
def networks(draw):
    rows, cols = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    resistance = st.floats(1e2, 1e6)
    ohms = draw(st.lists(resistance, min_size=rows * cols, max_size=rows * cols))
    sizes = st.sampled_from([0.0, 1e-9, 1e-4, 0.1, 1.0, 30.0, 1e6])
    wires = {f"{kind}_segment_ohms": draw(sizes) for kind in ("word", "bit")}
    ends = {f"{side}_ohms": draw(st.sampled_from([0.5, 50.0, np.inf])) for side in SIDES}
    ends["left_ohms"] = draw(st.sampled_from([0.0, 3.0]))  # at least one side is always connected
    arguments = {**wires, **ends}
    network = Network(1 / np.reshape(ohms, (rows, cols)), **arguments)
    seed = draw(st.integers(0, 2**32 - 1))
    return network, arguments, np.random.Generator(np.random.PCG64(seed)).uniform(-1, 1, (2, network.terminals))


def split(network, volts):
    m, n = network.rows, network.cols
    cuts = np.cumsum([m, m, n])
    return dict(zip(SIDES, np.split(volts, cuts, axis=1), strict=True))


def joined(solution):
    return np.concatenate([solution.left, solution.right, solution.top, solution.bottom], axis=1)


@given(networks())
@settings(max_examples=60, deadline=None)
def test_current_is_conserved_and_power_is_dissipated(case):
    network, _, volts = case
    solution = network.solve(**split(network, volts))
    amps = joined(solution)
    slack = 1e-9 * np.abs(amps).max() + ROUNDING_AMPS
    np.testing.assert_allclose(amps.sum(axis=1), 0, atol=slack)
    heat_in_cells = (solution.cell_volts**2 * network.conductance_siemens).sum(axis=(1, 2))
    assert ((volts * amps).sum(axis=1) >= heat_in_cells - 2 * network.terminals * slack).all()


@given(networks())
@settings(max_examples=60, deadline=None)
def test_reciprocity_and_superposition(case):
    network, _, volts = case
    admittance = network.admittance
    np.testing.assert_allclose(admittance, admittance.T, atol=1e-12 * np.abs(admittance).max() + ROUNDING_AMPS)
    np.testing.assert_allclose(
        joined(network.solve(**split(network, volts))),
        volts @ admittance,
        atol=1e-10 * np.abs(admittance).max() + ROUNDING_AMPS,
    )
    cells = network.solve(**split(network, volts)).cell_volts.reshape(2, -1)
    np.testing.assert_allclose(cells, volts @ network.cell_transfer.T, atol=1e-10)


@given(networks(), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_changing_one_cell_is_injecting_its_extra_current(case, seed):
    network, arguments, volts = case
    rng = np.random.Generator(np.random.PCG64(seed))
    before = network.solve(**split(network, volts[:1])).cell_volts[0]
    i, j = rng.integers(network.rows), rng.integers(network.cols)
    unit = np.zeros((network.rows, network.cols))
    unit[i, j] = 1.0
    # The cell's own extra current falls with the voltage that it takes away.
    change = 0.5 * network.conductance_siemens[i, j]
    response = network.inject(unit)
    amps = change * before[i, j] / (1 - change * response[i, j])
    altered = network.conductance_siemens.copy()
    altered[i, j] += change
    again = Network(altered, **arguments)
    after = again.solve(**split(network, volts[:1])).cell_volts[0]
    np.testing.assert_allclose(after, before + amps * response, atol=1e-9)


def test_an_ideal_array_multiplies():
    rng = np.random.Generator(np.random.PCG64(5))
    siemens, volts = rng.uniform(1e-5, 1e-4, (7, 4)), rng.uniform(-1, 1, (10, 7))
    ideal = Network(siemens, left_ohms=0.0, bottom_ohms=0.0)
    np.testing.assert_allclose(-ideal.solve(left=volts).bottom, volts @ siemens, rtol=1e-12)


@pytest.mark.parametrize("size", [4, 8, 16, 32])
def test_a_floating_read_sees_the_sneak_paths(size):
    # All cells R: the selected cell appears N^2/(2N-1) times too conductive.
    ends = np.full(size, np.inf)
    ends[0] = 0.0
    network = Network(np.full((size, size), 1e-4), left_ohms=ends, bottom_ohms=ends)
    amps = network.solve(left=1.0).left[0, 0]
    assert amps / 1e-4 == pytest.approx(size**2 / (2 * size - 1), rel=1e-9)


@pytest.mark.parametrize(("share", "part"), [(1 / 2, 2), (1 / 3, 3)])
@pytest.mark.parametrize("size", [4, 8, 16])
def test_half_and_third_select_reads(size, share, part):
    # Apparent over true conductance: 1 + (N-1)/2 for V/2, 1 + (N-1)/3 for V/3.
    left, bottom = np.full(size, share), np.full(size, 1 / 2 if part == 2 else 2 / 3)
    left[0], bottom[0] = 1.0, 0.0
    network = Network(np.full((size, size), 1e-4), left_ohms=0.0, bottom_ohms=0.0)
    amps = -network.solve(left=left, bottom=bottom).bottom[0, 0]
    assert amps / 1e-4 == pytest.approx(1 + (size - 1) / part, rel=1e-9)


@pytest.mark.parametrize("size", [4, 16, 64])
def test_a_grounded_read_loses_to_the_switches(size):
    # 1/(1 + N Rs/R)^2, exact to 1e-3 (R = 10 kohm, Rs = 5 ohm)
    network = Network(np.full((size, size), 1e-4), left_ohms=5.0, bottom_ohms=5.0)
    left = np.zeros(size)
    left[0] = 1.0
    amps = -network.solve(left=left).bottom[0, 0]
    assert amps / 1e-4 == pytest.approx(1 / (1 + size * 5 / 1e4) ** 2, rel=1e-3)


@pytest.mark.parametrize(
    ("size", "share"), [(4, 0.9944), (8, 0.9866), (16, 0.9645), (32, 0.8993), (64, 0.7265)], ids=str
)
def test_a_grounded_read_in_the_middle_loses_to_switches_and_wires(size, share):
    # 10 kohm cells, 5 ohm switches, wires of 1 ohm: to three digits the values of another solver of ports
    siemens, ends = np.full((size, size), 1e-4), {"left_ohms": 5.0, "bottom_ohms": 5.0}
    network = Network(siemens, word_segment_ohms=1.0, bit_segment_ohms=1.0, **ends)
    assert network.effective[size // 2, size // 2] / 1e-4 == pytest.approx(share, abs=5e-5)


@pytest.mark.parametrize("ohms", [1e-9, 1e-3, 1.0, 1e3, 1e6])
@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_a_single_line_is_a_ladder(count, ohms):
    # nodes k = 1..n of a line open at its end: v_k = cosh((n - k + 1/2) t) / cosh((n + 1/2) t), cosh t = 1 + r G / 2
    legs = 1e4 + 50.0 + 1.0  # a cell, its end, and the segment between
    turn = 2 * np.arcsinh(np.sqrt(ohms / legs) / 2)
    at = count - np.arange(1, count + 1) + 0.5
    passed = np.exp((at - count - 0.5) * turn) * (1 + np.exp(-2 * at * turn)) / (1 + np.exp(-(2 * count + 1) * turn))
    line = {"left_ohms": 0.0, "bottom_ohms": 50.0}
    word = Network(np.full((1, count), 1e-4), word_segment_ohms=ohms, bit_segment_ohms=1.0, **line)
    np.testing.assert_allclose(word.effective[:, 0], passed / legs, rtol=1e-12, atol=1e-20)
    np.testing.assert_allclose(-word.solve(left=1.0).bottom[0], passed / legs, rtol=1e-12, atol=1e-20)
    # turned, with the drive at the far side: by reciprocity the same shares
    turned = {"left_ohms": 50.0, "bottom_ohms": 0.0}
    bit = Network(np.full((count, 1), 1e-4), word_segment_ohms=1.0, bit_segment_ohms=ohms, **turned)
    np.testing.assert_allclose(bit.effective[0, ::-1], passed / legs, rtol=1e-12, atol=1e-20)


@pytest.mark.parametrize("size", [4, 8, 16, 32, 64])
def test_sneak_paths_hide_the_state_of_the_cell(size):
    # Current with the cell at G over that at G / 2, the others at G. Floating: in parallel with the cell lie
    # R/(N-1), R/(N-1)^2 and R/(N-1) in series; V/2 and V/3: (N-1)/2 and (N-1)/3 cells more.
    first = np.arange(size) == 0
    cells = [np.full((size, size), 1e-4) for _ in range(2)]
    cells[1][0, 0] /= 2
    ends = np.where(first, 0.0, np.inf)
    low, high = (Network(siemens, left_ohms=ends, bottom_ohms=ends).solve(left=1.0).left[0, 0] for siemens in cells)
    sneak = (size - 1) ** 2 / (2 * size - 1)
    assert low / high == pytest.approx((1 + sneak) / (0.5 + sneak), rel=1e-12)
    for part, other in ((2, 1 / 2), (3, 2 / 3)):
        volts = {"left": np.where(first, 1.0, 1 / part), "bottom": np.where(first, 0.0, other)}
        low, high = (-Network(siemens, left_ohms=0.0, bottom_ohms=0.0).solve(**volts).bottom[0, 0] for siemens in cells)
        assert low / high == pytest.approx((1 + (size - 1) / part) / (0.5 + (size - 1) / part), rel=1e-12)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"conductance_siemens": [[1.0, -1e-6]]}, ["(0, 1)", "-1e-06", "at least 0"]),
        ({"conductance_siemens": [[float("nan")]]}, ["nan", "finite"]),
        ({"conductance_siemens": [1.0, 2.0]}, ["(2,)", "(rows, cols)"]),
        ({"conductance_siemens": [[1.0]], "word_segment_ohms": -1.0}, ["word_segment_ohms", "-1.0", "0 ohm or more"]),
        ({"conductance_siemens": [[1.0]], "left_ohms": [1.0, 2.0]}, ["left_ohms", "(2,)", "one per line"]),
        ({"conductance_siemens": [[1.0]], "left_ohms": -5.0}, ["-5.0", "inf = floating"]),
        ({"conductance_siemens": [[1.0]], "left_ohms": 0.0, "right_ohms": 0.0}, ["both ends", "inf"]),
        ({"conductance_siemens": [[1.0]], "left_ohms": 1e-320}, ["left_ohms", "1e-320", "0, from 1e-15"]),
        ({"conductance_siemens": [[1.0]], "bit_segment_ohms": 1e-320}, ["bit_segment_ohms", "1e-320", "0, or 1e-15"]),
        ({"conductance_siemens": [[1e300]], "left_ohms": 0.0}, ["(0, 0)", "1e+300", "up to 1e+30"]),
        ({"conductance_siemens": [[1.0]]}, ["no line end", "1 x 1", "not inf"]),
    ],
)
def test_impossible_arrays_are_refused_with_a_remedy(arguments, words):
    with pytest.raises(ParameterError) as refused:
        Network(**arguments)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    "volts", [{"left": [1.0, 2.0]}, {"left": np.nan}, {"left": np.ones((2, 3)), "bottom": np.ones((3, 3))}]
)
def test_impossible_vectors_are_refused(volts):
    network = Network(np.full((3, 3), 1e-4), left_ohms=1.0, bottom_ohms=1.0)
    with pytest.raises(ParameterError):
        network.solve(**volts)
