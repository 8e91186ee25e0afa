"""Statistics, chi-square and repeat tests of the IID track against what NIST's tool says, to its last digits.

The values are in tests/data/sp800_90b/iid.json. Permutations themselves differ: the tool seeds itself by chance.
"""

import json
from pathlib import Path

import pytest

from labctl.core.bits import Bits, Origin
from labctl.entropy.sp800_90b import Symbols
from labctl.entropy.sp800_90b.chi_square import goodness_of_fit, independence
from labctl.entropy.sp800_90b.longest_repeat import longest_repeat
from labctl.entropy.sp800_90b.statistics import NAMES, Statistics

DATA = Path(__file__).parents[2] / "data" / "sp800_90b"
KNOWN = json.loads((DATA / "iid.json").read_text())
LENGTHS = {"truerand_1bit": 1_000_000}
"""The short files have 10,000 symbols."""


CRASHED = {"alternating bits"}
"""The tool gives up on repeats that are as long as the data."""


@pytest.fixture(params=[*KNOWN["files"], *(name for name in KNOWN["sequences"] if name not in CRASHED)], scope="module")
def case(request, sequence):
    if request.param in KNOWN["sequences"]:
        values, bits = sequence(request.param)
        return Symbols.of(values, bits), KNOWN["sequences"][request.param]
    known = KNOWN["files"][request.param]
    count = LENGTHS.get(request.param, 10_000) * known["bits"]
    bits = Bits((DATA / f"{request.param}.packed.bin").read_bytes(), count, Origin.RECORDED)
    return Symbols.of(bits, known["bits"]), known


@pytest.mark.parametrize("numba", [True, False], ids=["numba", "numpy"])
def test_statistics_of_the_symbols_as_they_came(case, numba):
    symbols, known = case
    found = Statistics(symbols, numba)(symbols.raw, set(NAMES))
    assert list(found) == list(NAMES)
    assert list(found.values()) == pytest.approx(list(known["statistics"].values()), rel=1e-12)


@pytest.mark.parametrize(("test", "name"), [(independence, "independence"), (goodness_of_fit, "goodness of fit")])
def test_chi_square(case, test, name):
    symbols, known = case
    verdict = test(symbols)
    if known[f"{name} df"] == 0:  # too few to expect anything: the tool says 1, we say so
        assert verdict.p_value is None
        assert verdict.reason
        return
    assert verdict.statistic == pytest.approx(known[f"{name} T"], rel=1e-11)
    assert verdict.freedom == known[f"{name} df"]
    assert verdict.p_value == pytest.approx(known[f"{name} P-value"], rel=1e-9, abs=1e-15)
    assert verdict.passed == (known[f"{name} P-value"] >= 0.001)


def test_longest_repeat(case):
    symbols, known = case
    verdict = longest_repeat(symbols)
    assert verdict.statistic == known["W"]
    assert verdict.p_value == pytest.approx(known["LRS p"], rel=1e-8, abs=1e-15)
