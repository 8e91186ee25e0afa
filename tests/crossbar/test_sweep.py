"""The effective conductance found row by row, against the reduction to all line ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.crossbar import sweep
from labctl.crossbar.network import Network

WIRES = {"word_segment_ohms": 1.0, "bit_segment_ohms": 1.3}
ENDS = st.sampled_from([0.0, 3.0, 500.0, np.inf])


def reduced(siemens, **ends):
    network = Network(siemens, **WIRES, **ends)
    assert network.array_admittance.size  # once reduced, the network has no use for the sweep
    return network.effective


@given(
    shape=st.sampled_from([(1, 1), (1, 6), (6, 1), (5, 9), (9, 5), (12, 12)]),
    scale=st.sampled_from([1e-12, 1e-4, 1.0]),
    left=st.sampled_from([0.0, 3.0, 500.0]),
    right=ENDS,
    top=ENDS,
    seed=st.integers(0, 2**32 - 1),
)
def test_the_sweep_is_the_reduction(shape, scale, left, right, top, seed):
    rng = np.random.Generator(np.random.PCG64(seed))
    siemens = scale * rng.uniform(0.5, 2.0, shape)
    siemens[rng.random(shape) < 0.1] = 0.0
    ends = {"left_ohms": left, "right_ohms": right, "top_ohms": top, "bottom_ohms": rng.uniform(0, 50, shape[1])}
    expected = reduced(siemens, **ends)
    found = Network(siemens, **WIRES, **ends).effective
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * np.abs(expected).max())


def test_lines_that_only_cells_hold_are_left_to_the_reduction():
    siemens = np.full((6, 5), 1e-4)
    weak = np.array([0.0] * 5 + [1e9])
    ends = {"left_ohms": weak, "right_ohms": np.inf, "top_ohms": np.inf, "bottom_ohms": [0.0, 0.0, np.inf, 0.0, 0.0]}
    network = Network(siemens, **WIRES, **ends)
    ohms = np.concatenate([weak, np.full(11, np.inf), ends["bottom_ohms"]])
    assert sweep.effective(siemens, 1.0, 1.3, ohms) is None
    np.testing.assert_allclose(network.effective, reduced(siemens, **ends), rtol=1e-9)


@pytest.mark.parametrize("short", [10.0, 1e9])
def test_lines_that_attenuate_are_swept_until_nothing_is_left(short):
    siemens = np.full((70, 70), short)
    ends = {"left_ohms": 0.0, "bottom_ohms": 0.0}
    ohms = np.concatenate([np.zeros(70), np.full(140, np.inf), np.zeros(70)])
    found = sweep.effective(siemens, 1.0, 1.3, ohms)
    expected = reduced(siemens, **ends)
    assert (found is None) == (short == 1e9)
    if found is not None:
        np.testing.assert_allclose(found, expected, atol=1e-11 * np.abs(expected).max())
    network = Network(siemens, **WIRES, **ends)
    np.testing.assert_allclose(network.effective, expected, atol=1e-11 * np.abs(expected).max())
