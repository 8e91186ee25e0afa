"""Access transistors, falling TMR and selectors: their limits, and arrays of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.core.errors import MeasurementError, ParameterError
from labctl.crossbar import nonlinear
from labctl.crossbar.cells import AccessTransistor, BiasedTmr, ExponentialSelector, Selected, ThresholdSelector
from labctl.crossbar.network import Network

SOURCE = "assumed, for the test"
SELECTORS = [
    ExponentialSelector(1e-9, 0.05, SOURCE),
    ExponentialSelector(1e-12, 0.02, SOURCE),
    ThresholdSelector(1e-9, 1e-2, 0.3, 0.01, SOURCE),
]
WIRES = {"word_segment_ohms": 1.0, "bit_segment_ohms": 1.0}


def uniform(seed, low, high, shape):
    return np.random.Generator(np.random.PCG64(seed)).uniform(low, high, shape)


def test_a_gate_puts_its_transistor_in_series_with_the_cells_of_its_row():
    junctions = np.array([[1e-4, 2e-4], [1e-4, 0.0]])
    access = AccessTransistor(1e3, 1e12, SOURCE)
    found = access.conductances(junctions, np.array([True, False]))
    np.testing.assert_allclose(found, [[1 / 11e3, 1 / 6e3], [1 / (1e4 + 1e12), 0.0]], rtol=1e-12)
    ideal = AccessTransistor(0.0, np.inf, SOURCE)
    assert (ideal.conductances(junctions, np.array([True, False])) == [[1e-4, 2e-4], [0.0, 0.0]]).all()


def test_transistors_that_are_off_take_the_sneak_paths_away():
    size = 16
    gates = np.arange(size) == 3
    bits = np.where(np.arange(size) == 5, 0.0, np.inf)
    rows = np.where(gates, 0.0, np.inf)
    junctions = np.full((size, size), 1e-4)
    passive = Network(junctions, left_ohms=rows, bottom_ohms=bits).solve(left=1.0).left[0, 3]
    cells = AccessTransistor(1.0, 1e12, SOURCE).conductances(junctions, gates)
    active = Network(cells, left_ohms=rows, bottom_ohms=bits).solve(left=1.0).left[0, 3]
    assert passive / 1e-4 == pytest.approx(size**2 / (2 * size - 1), rel=1e-9)
    assert active / 1e-4 == pytest.approx(1.0, rel=2e-4)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: AccessTransistor(1e3, 1e3, SOURCE), ["1000.0 ohm off", "above it"]),
        (lambda: AccessTransistor(-1.0, 1e9, SOURCE), ["-1.0 ohm on"]),
        (lambda: AccessTransistor(1.0, 1e9, SOURCE).conductances(np.ones((2, 2)), [1, 0]), ["int", "booleans"]),
        (
            lambda: AccessTransistor(1.0, 1e9, SOURCE).conductances(np.ones((2, 2)), np.ones(3, bool)),
            ["(3,)", "2 bool"],
        ),
        (lambda: BiasedTmr(np.ones((2, 2)), np.ones((2, 2), bool), -0.1, 0.5), ["-0.1", "tmr"]),
        (lambda: BiasedTmr(np.ones((2, 2)), np.ones((2, 2), bool), 1.0, 0.0), ["0.0 V", "half_volts"]),
        (lambda: BiasedTmr(np.ones((2, 2)), np.ones((2, 1), bool), 1.0, 0.5), ["(2, 1)", "one state per cell"]),
        (lambda: ExponentialSelector(0.0, 0.1, SOURCE), ["saturation_amps", "above 0"]),
        (lambda: ThresholdSelector(1e-9, 1e-3, 0.3, float("nan"), SOURCE), ["width_volts", "nan"]),
    ],
)
def test_impossible_cells_are_refused(make, words):
    with pytest.raises(ParameterError) as refused:
        make()
    for word in words:
        assert word in str(refused.value)


def laws():
    junctions = uniform(1, 5e-5, 2e-4, (3, 4))
    states = uniform(2, 0, 1, (3, 4)) < 0.5
    return [BiasedTmr(junctions, states, 1.5, 0.5), *(Selected(junctions, selector) for selector in SELECTORS)]


@pytest.mark.parametrize("law", laws(), ids=["tmr", "exponential", "steep", "threshold"])
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-4, 0.1, 1.0, 5.0]))
@settings(max_examples=25, deadline=None)
def test_every_law_is_odd_rises_and_has_its_slope(law, seed, scale):
    volts = uniform(seed, -scale, scale, (2, 3, 4))
    np.testing.assert_allclose(law.amps(-volts), -law.amps(volts), rtol=1e-12)
    assert (law.slope(volts) > 0).all()
    step = 1e-5 * scale
    rise = law.amps(volts + step) - law.amps(volts - step)
    between = [law.slope(volts + part * step) for part in (-1, 0, 1)]
    # a mean slope lies between the slopes around it; the laws are smooth on this scale
    assert (rise <= 2 * step * np.max(between, axis=0) * 1.001 + 1e-20).all()
    assert (rise >= 2 * step * np.min(between, axis=0) * 0.999 - 1e-20).all()
    np.testing.assert_allclose(law.slope(np.zeros((3, 4))), law.zero_bias_siemens, rtol=1e-12)


@pytest.mark.parametrize("selector", SELECTORS, ids=["exponential", "steep", "threshold"])
def test_a_selected_cell_divides_its_volts_by_one_current(selector):
    cells = Selected(np.full((1, 200), 1e-4), selector)
    volts = np.linspace(0, 3, 200)[None]
    amps = cells.amps(volts)
    drop = volts - amps / 1e-4
    np.testing.assert_allclose(selector.amps(np.maximum(drop, 0)), amps, rtol=1e-7, atol=1e-17)


def assert_solved(network, found, law, volts, tolerance=1e-10):
    largest = np.abs(found.cell_amps).max()
    assert found.residual_amps <= tolerance * largest
    solution = found.solution
    np.testing.assert_allclose(found.cell_amps, law.amps(solution.cell_volts), atol=tolerance * largest)
    np.testing.assert_allclose(solution.amps.sum(axis=1), 0, atol=1e-9 * np.abs(solution.amps).max())
    # each word line carries in what its cells take
    np.testing.assert_allclose(
        (solution.left + solution.right), found.cell_amps.sum(axis=2), atol=1e-9 * np.abs(solution.amps).max()
    )
    power = (volts * solution.left).sum(axis=1)
    assert (power >= (found.cell_amps * solution.cell_volts).sum(axis=(1, 2)) * (1 - 1e-9)).all()


@pytest.mark.parametrize("shape", [(8, 8), (18, 20)])
@pytest.mark.parametrize("selector", SELECTORS, ids=["exponential", "steep", "threshold"])
@pytest.mark.parametrize("floating", [False, True], ids=["driven", "floating"])
def test_arrays_with_selectors_are_solved_however_they_are_driven(shape, selector, floating):
    law = Selected(uniform(3, 5e-5, 1e-4, shape), selector)
    rows, cols = (np.where(np.arange(size) == 0, 5.0, np.inf) if floating else 5.0 for size in shape)
    network = Network(law.zero_bias_siemens, **WIRES, left_ohms=rows, bottom_ohms=cols)
    volts = np.ones((1, shape[0])) if floating else uniform(4, -1, 1, (3, shape[0]))
    found = nonlinear.solve(network, law, left=volts)
    assert_solved(network, found, law, volts)
    assert found.newton.all() == floating
    if floating:
        # three selectors in series divide the volts of a sneak path: it carries less than the cell itself
        alone = law.amps(np.full(shape, 1.0))[0, 0]
        assert alone * 0.9 < found.solution.left[0, 0] < 16.25 * 1e-4


def test_far_below_its_scale_a_nonlinear_array_is_the_linear_one():
    law = BiasedTmr(uniform(5, 5e-5, 2e-4, (6, 5)), uniform(6, 0, 1, (6, 5)) < 0.5, 1.5, 0.5)
    network = Network(law.zero_bias_siemens, **WIRES, left_ohms=0.0, bottom_ohms=0.0)
    found = nonlinear.solve(network, law, left=1e-6).solution.amps
    linear = network.solve(left=1e-6).amps
    np.testing.assert_allclose(found, linear, atol=1e-10 * np.abs(linear).max())


def test_the_network_need_not_start_at_zero_bias():
    law = BiasedTmr(uniform(7, 5e-5, 2e-4, (6, 5)), uniform(8, 0, 1, (6, 5)) < 0.5, 1.5, 0.5)
    ends = {"left_ohms": 0.0, "bottom_ohms": 0.0}
    near, far = (
        nonlinear.solve(Network(siemens, **WIRES, **ends), law, left=0.4).solution.amps
        for siemens in (law.zero_bias_siemens, np.full((6, 5), 1e-4))
    )
    np.testing.assert_allclose(near, far, atol=1e-10 * np.abs(far).max())


def test_a_law_that_has_no_answer_is_said():
    class Falling(BiasedTmr):
        def amps(self, volts):
            return np.full_like(volts, 1e-4) * np.sign(np.sin(1e9 * volts))

    cells = np.full((2, 2), 1e-4)
    law = Falling(cells, np.zeros((2, 2), bool), 0.0, 1.0)
    network = Network(cells, left_ohms=[1e5, np.inf], bottom_ohms=1e5)
    with pytest.raises(MeasurementError, match="larger tolerance"):
        nonlinear.solve(network, law, left=1.0)
    with pytest.raises(ParameterError, match="tolerance is 2"):
        nonlinear.solve(network, law, left=1.0, tolerance=2)
