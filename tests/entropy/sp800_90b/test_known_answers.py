"""The ten estimators against what NIST's tool says, on its own sample data and on sequences that bend the rules.

The values are in tests/data/sp800_90b/estimates.json with their source, the sequences in conftest.py.
"""

import hashlib
import json
from pathlib import Path

import pytest

from labctl.core.bits import Bits, Origin
from labctl.entropy import sp800_90b

DATA = Path(__file__).parents[2] / "data" / "sp800_90b"
KNOWN = json.loads((DATA / "estimates.json").read_text())
LENGTHS = {"truerand_1bit": 1_000_000, "biased-random-bits": 1_000_000}
FULL = [pytest.param(name, marks=pytest.mark.slow) if name == "biased-random-bits" else name for name in KNOWN["files"]]

LONG = {"bytes", "unequal bytes", "text"}
CASES = [
    pytest.param(name, numba, marks=pytest.mark.slow if name in LONG and not numba else (), id=f"{name}-{how}")
    for name in KNOWN["sequences"]
    for how, numba in (("numba", True), ("numpy", False))
]


def packed(name):
    known = KNOWN["files"][name]
    count = LENGTHS.get(name, 10_000) * known["bits"]
    return Bits((DATA / f"{name}.packed.bin").read_bytes(), count, Origin.RECORDED), known


def compare(assessment, known):
    for found, wanted in ((assessment.original, known["original"]), (assessment.bitstring, known["bitstring"])):
        assert {e.name: e.min_entropy for e in found if e.applicable} == pytest.approx(wanted, rel=0, abs=1e-9)
        assert all(e.reason for e in found if not e.applicable)
    assert assessment.min_entropy == pytest.approx(known["min_entropy"], rel=0, abs=1e-9)
    assert assessment.h_original == pytest.approx(known["h_original"], rel=0, abs=1e-9)
    wanted = known["h_bitstring"]
    assert assessment.h_bitstring == (None if wanted is None else pytest.approx(wanted, rel=0, abs=1e-9))


@pytest.mark.parametrize("name", FULL)
def test_nist_sample_data(name):
    bits, known = packed(name)
    compare(sp800_90b.assess(bits, known["bits"]), known)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN["files"])
def test_nist_sample_data_without_numba(name):
    bits, known = packed(name)
    compare(sp800_90b.assess(bits, known["bits"], numba=False), known)


@pytest.mark.parametrize(("name", "numba"), CASES)
def test_sequences_that_bend_the_rules(sequence, name, numba):
    values, bits = sequence(name)
    known = KNOWN["sequences"][name]
    assert hashlib.sha256(values.tobytes()).hexdigest() == known["sha256"]
    compare(sp800_90b.assess(values, bits, numba=numba), known)


def test_what_was_counted_is_told_as_well():
    found = {e.name: e.found for e in sp800_90b.assess(packed("truerand_1bit")[0]).original}
    assert found["collision"]["v"] == 400_078
    assert (found["LRS"]["u"], found["LRS"]["v"]) == (17, 39)
    assert (found["MultiMMC"]["C"], found["MultiMMC"]["N"], found["MultiMMC"]["r"]) == (499_870, 999_998, 20)
