"""The network solver against ngspice, on every linear golden case."""

from pathlib import Path

import numpy as np
import pytest

from labctl.crossbar.network import Network

GOLDEN = sorted((Path(__file__).parents[1] / "data" / "crossbar").glob("*.npz"))


def load(path):
    data = np.load(path)
    ends = {
        f"{name}_ohms": data[f"term_{x}_r"] for name, x in zip(("left", "right", "top", "bottom"), "LRTB", strict=True)
    }
    volts = {name: data[f"term_{x}_v"] for name, x in zip(("left", "right", "top", "bottom"), "LRTB", strict=True)}
    network = Network(data["G"], word_segment_ohms=float(data["r_wl"]), bit_segment_ohms=float(data["r_bl"]), **ends)
    return data, network, volts


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_currents_and_node_volts_agree_with_spice(path):
    data, network, volts = load(path)
    solution = network.solve(**volts)
    expected = np.concatenate([data[f"I_{x}"] for x in "LRTB"], axis=1)
    found = np.concatenate([solution.left, solution.right, solution.top, solution.bottom], axis=1)
    assert np.abs(found - expected).max() <= 1e-9 * np.abs(expected).max()
    np.testing.assert_allclose(solution.word_volts[0], data["v_wl"], atol=1e-9)
    np.testing.assert_allclose(solution.bit_volts[0], data["v_bl"], atol=1e-9)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_many_vectors_are_one_product_with_the_admittance(path):
    data, network, volts = load(path)
    stacked = np.concatenate(
        [np.broadcast_to(volts[k], (data["I_L"].shape[0], volts[k].shape[1])) for k in volts], axis=1
    )
    expected = np.concatenate([data[f"I_{x}"] for x in "LRTB"], axis=1)
    assert np.abs(stacked @ network.admittance - expected).max() <= 1e-9 * np.abs(expected).max()


def test_there_are_golden_files():
    assert len(GOLDEN) == 8
