"""The network solver against ngspice, on every golden case, linear or not."""

from pathlib import Path

import numpy as np
import pytest

from labctl.crossbar import case as cases
from labctl.crossbar import nonlinear, sides
from labctl.crossbar.kron import Tree
from labctl.crossbar.nodal import Nodal

FOLDER = Path(__file__).parents[1] / "data" / "crossbar"
NONLINEAR = sorted(FOLDER.glob("nonlin_*.npz"))
LINEAR = sorted(set(FOLDER.glob("*.npz")) - set(NONLINEAR))


def load(path):
    case = cases.read(path)
    network = case.network()
    with np.load(path) as archive:
        data = dict(archive)
    expected = np.concatenate([data[f"I_{x}"] for x in "LRTB"], axis=1)
    return case, network, sides.volts(case.volts, network.rows, network.cols), expected, data


@pytest.mark.parametrize("path", LINEAR, ids=lambda path: path.stem)
def test_currents_and_node_volts_agree_with_spice(path):
    _, network, volts, expected, data = load(path)
    solution = network.solve(**volts)
    largest = np.abs(expected).max(axis=1, keepdims=True)
    assert (np.abs(solution.amps - expected) <= 1e-9 * largest).all()
    assert (np.abs(network.currents(**volts) - expected) <= 1e-9 * largest).all()
    np.testing.assert_allclose(solution.word_volts[0], data["v_wl"], atol=1e-9)
    np.testing.assert_allclose(solution.bit_volts[0], data["v_bl"], atol=1e-9)


@pytest.mark.parametrize("path", LINEAR, ids=lambda path: path.stem)
def test_many_vectors_are_one_product_with_the_admittance(path):
    case, network, _, expected, _ = load(path)
    assert np.abs(case.volts @ network.admittance - expected).max() <= 1e-9 * np.abs(expected).max()
    lines = case.volts[:, : network.rows]
    if not (case.volts[:, network.rows :].any()):
        sensed = lines @ network.effective.T
        assert np.abs(sensed + expected[:, -network.cols :]).max() <= 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize("reduce", [Tree, Nodal])
@pytest.mark.parametrize("path", LINEAR, ids=lambda path: path.stem)
def test_either_reduction_agrees_with_spice(path, reduce, monkeypatch):
    monkeypatch.setattr("labctl.crossbar.network._reduced", reduce)
    _, network, volts, expected, _ = load(path)
    assert np.abs(network.solve(**volts).amps - expected).max() <= 1e-9 * np.abs(expected).max()


@pytest.mark.parametrize("newton", [False, True], ids=["fixed point", "newton"])
@pytest.mark.parametrize("path", NONLINEAR, ids=lambda path: path.stem)
def test_cells_whose_tmr_falls_agree_with_spice(path, newton, monkeypatch):
    if newton:
        monkeypatch.setattr(nonlinear, "FIXED_ROUNDS", 1)
    case, network, volts, expected, data = load(path)
    found = nonlinear.solve(network, case.law, **volts)
    assert (found.newton == newton).all()
    assert (np.abs(found.solution.amps - expected) <= 1e-9 * np.abs(expected).max(axis=1, keepdims=True)).all()
    np.testing.assert_allclose(found.solution.word_volts[0], data["v_wl"], atol=1e-9)
    np.testing.assert_allclose(found.solution.bit_volts[0], data["v_bl"], atol=1e-9)


def test_there_are_golden_files():
    assert len(LINEAR) == 8
    assert len(NONLINEAR) == 2
