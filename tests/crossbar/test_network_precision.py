"""Currents against the same circuit solved with 160 decimal digits, for wires and cells of every size."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.crossbar import nonlinear
from labctl.crossbar.cells import BiasedTmr
from labctl.crossbar.network import Network

SIDES = ("left", "right", "top", "bottom")
NOTHING = Decimal("1e-60")  # ohms, in place of none at all
NOT_EXACT = 1e-45  # amperes that flow for that reason
KEPT = 1e-11  # of the largest current; golden cases are held to 1e-9


def exact(siemens, wires, ends):
    """The admittance of all ends, in Decimals: branch by branch into one matrix, whose nodes are then eliminated."""
    m, n = siemens.shape
    cells, sources = m * n, 2 * m + 2 * n
    word, bit = np.arange(cells).reshape(m, n), cells + np.arange(cells).reshape(m, n)
    word_ohms, bit_ohms = (Decimal(ohms) or NOTHING for ohms in wires)
    feet = np.concatenate([word[:, 0], word[:, -1], bit[0], bit[-1]])
    segments = [word_ohms] * (2 * m) + [bit_ohms] * (2 * n)
    branches = [(a, b, 1 / word_ohms) for a, b in zip(word[:, :-1].flat, word[:, 1:].flat, strict=True)]
    branches += [(a, b, 1 / bit_ohms) for a, b in zip(bit[:-1].flat, bit[1:].flat, strict=True)]
    branches += [(a, b, Decimal(g)) for a, b, g in zip(word.flat, bit.flat, siemens.flat, strict=True)]
    branches += [
        (2 * cells + k, foot, 1 / (Decimal(float(ohms)) + segment) if np.isfinite(ohms) else Decimal(0))
        for k, (foot, ohms, segment) in enumerate(zip(feet, ends, segments, strict=True))
    ]
    matrix = np.full((2 * cells + sources,) * 2, Decimal(0), object)
    for a, b, g in branches:
        matrix[a, b] -= g
        matrix[b, a] -= g
        matrix[a, a] += g
        matrix[b, b] += g
    for node in range(2 * cells):
        if matrix[node, node] > Decimal("1e-90"):  # else nothing is joined to it, but for rounding
            rest = matrix[node + 1 :, node]
            matrix[node + 1 :, node + 1 :] -= np.outer(rest / matrix[node, node], rest)
    return matrix[2 * cells :, 2 * cells :]


def sized(low, high):
    return st.one_of(st.just(0.0), st.floats(low, high).map(lambda power: 10.0**power))


@st.composite
def circuits(draw):
    shape = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    rng = np.random.Generator(np.random.PCG64(draw(st.integers(0, 2**32 - 1))))
    low = draw(st.sampled_from([-15, -10, -5, -4, 0]))
    siemens = 10 ** rng.uniform(low, draw(st.sampled_from([low, low + 1, 3])), shape)
    siemens[rng.random(shape) < draw(st.sampled_from([0.0, 0.2]))] = 0.0
    wires = draw(sized(-12, 12)), draw(sized(-12, 12))
    kinds = [draw(st.one_of(sized(-9, 12), st.just(np.inf))) for _ in range(3)]
    counts = (shape[0], shape[0], shape[1], shape[1])
    ends = [np.where(rng.random(count) < 0.7, rng.choice(kinds), rng.choice(kinds)) for count in counts]
    ends[0][0] = draw(sized(-9, 12))  # one end at least is connected
    if wires[0] == 0:
        ends[1] = np.where((ends[0] == 0) & (ends[1] == 0), np.inf, ends[1])
    if wires[1] == 0:
        ends[3] = np.where((ends[2] == 0) & (ends[3] == 0), np.inf, ends[3])
    volts = [rng.uniform(-1, 1, count) for count in counts]
    if draw(st.booleans()):  # then wires between two sources carry no current that would hide that of the cells
        volts[1], volts[3] = volts[0], volts[2]
    return siemens, wires, ends, volts


def built(siemens, wires, ends):
    return Network(
        siemens,
        word_segment_ohms=wires[0],
        bit_segment_ohms=wires[1],
        **{f"{side}_ohms": ohms for side, ohms in zip(SIDES, ends, strict=True)},
    )


@given(circuits())
@settings(max_examples=100, deadline=None)
def test_currents_keep_their_digits_whatever_the_wires(circuit):
    siemens, wires, ends, volts = circuit
    with localcontext(prec=160):
        admittance = exact(siemens, wires, np.concatenate(ends))
        amps = (admittance @ np.array([Decimal(v) for v in np.concatenate(volts)])).astype(float)
    network, asked = built(siemens, wires, ends), dict(zip(SIDES, volts, strict=True))
    conductance = -admittance[-network.cols :, : network.rows].astype(float)
    np.testing.assert_allclose(network.effective, conductance, rtol=0, atol=KEPT * conductance.max() + NOT_EXACT)
    solution = network.solve(
        **asked
    )  # from here on the array is reduced, and what is effective is found in another way
    for currents in (solution.amps[0], network.currents(**asked)[0]):
        np.testing.assert_allclose(currents, amps, rtol=0, atol=KEPT * np.abs(amps).max() + NOT_EXACT)
    anew = network.terminated(**{f"{side}_ohms": ohms for side, ohms in zip(SIDES, ends, strict=True)}).effective
    np.testing.assert_allclose(anew, conductance, rtol=0, atol=KEPT * conductance.max() + NOT_EXACT)


@pytest.mark.parametrize("size", [9, 20])
@pytest.mark.parametrize("ends", [{"bottom_ohms": 0.0}, {"right_ohms": 0.0, "bottom_ohms": 2.0}, {"bottom_ohms": 1e9}])
def test_wires_of_next_to_nothing_are_ideal_for_any_law_of_the_cells(size, ends):
    rng = np.random.Generator(np.random.PCG64(size))
    law = BiasedTmr(rng.uniform(5e-5, 1e-4, (size, size)), rng.random((size, size)) < 0.5, 1.5, 0.5)
    volts = {"left": rng.uniform(-0.6, 0.6, (2, size))}
    volts["right"] = volts["left"]
    ideal, wired = (
        nonlinear.solve(
            Network(law.zero_bias_siemens, word_segment_ohms=ohms, bit_segment_ohms=ohms, left_ohms=0.0, **given),
            law,
            **volts,
        )
        # of two ideal ends of an ideal line one does the work of both
        for ohms, given in ((0.0, ends | {"right_ohms": np.inf}), (1e-13, ends))
    )
    found, expected = (
        np.hstack([each.solution.left + each.solution.right, each.solution.bottom]) for each in (wired, ideal)
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=KEPT * np.abs(expected).max())
