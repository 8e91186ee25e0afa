"""The ten estimators against what NIST's tool says, on its own sample data and on sequences that bend the rules.

The values are in tests/data/sp800_90b/estimates.json with their source. The sequences can be made again on any machine.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from labctl.core.bits import Bits, Origin
from labctl.entropy import sp800_90b

DATA = Path(__file__).parents[2] / "data" / "sp800_90b"
KNOWN = json.loads((DATA / "estimates.json").read_text())
LENGTHS = {"truerand_1bit": 1_000_000, "biased-random-bits": 1_000_000}
FULL = [pytest.param(name, marks=pytest.mark.slow) if name == "biased-random-bits" else name for name in KNOWN["files"]]

Sequence = NDArray[np.uint8]


def octets(n: int, key: int) -> Sequence:
    """``n`` uniform bytes: raw words of Philox, the same in every version of NumPy."""
    words = np.random.Philox(key=key).random_raw((n + 7) // 8)
    return words.astype("<u8").view(np.uint8)[:n]


def bits(n: int, key: int, ones_of_256: int = 128) -> Sequence:
    return (octets(n, key) < ones_of_256).astype(np.uint8)


def sticky(n: int, key: int) -> Sequence:
    return (np.cumsum(octets(n, key) < 100) % 2).astype(np.uint8)


def periodic_with_errors(n: int, key: int) -> Sequence:
    word = octets(45, key + 1) % 7
    return np.where(octets(n, key) < 20, octets(n, key + 2) % 7, np.resize(word, n)).astype(np.uint8)


def text_like(n: int, key: int) -> Sequence:
    """Words from a vocabulary of 40, of 1 to 9 letters: repeats of all lengths."""
    words = [97 + octets(1 + w % 9, key + 1 + w) % 26 for w in range(40)]
    pieces = [words[min(a, b) % 40] for a, b in octets(2 * n // 3, key).reshape(-1, 2).tolist()]
    return np.concatenate(pieces)[:n].astype(np.uint8)


def drifting(n: int, key: int) -> Sequence:
    return (octets(n, key) < 100 + 56 * np.arange(n) / n).astype(np.uint8)


SEQUENCES: dict[str, tuple[Callable[[], Sequence], int]] = {
    "fair bits": (lambda: bits(300_000, 1), 1),
    "biased bits": (lambda: bits(100_000, 2, 180), 1),
    "rare ones": (lambda: bits(50_000, 3, 2), 1),
    "sticky bits": (lambda: sticky(100_000, 4), 1),
    "drifting bits": (lambda: drifting(100_000, 5), 1),
    "alternating bits": (lambda: (np.arange(20_000) % 2).astype(np.uint8), 1),
    "one flip": (lambda: (np.arange(20_000) == 7_777).astype(np.uint8), 1),
    "few bits": (lambda: bits(7_000, 6), 1),
    "2-bit symbols": (lambda: octets(50_000, 7) % 4, 2),
    "3 of 4 symbols": (lambda: np.array([0, 1, 3], np.uint8)[octets(50_000, 8) % 3], 2),
    "two symbols of 8 bits": (lambda: np.where(bits(30_000, 9) == 1, 200, 17).astype(np.uint8), 8),
    "5-bit minima": (lambda: np.minimum(octets(60_000, 10), octets(60_000, 11)) % 32, 5),
    "bytes": (lambda: octets(150_000, 12), 8),
    "unequal bytes": (lambda: np.minimum(octets(250_000, 13), octets(250_000, 14)), 8),
    "periodic with errors": (lambda: periodic_with_errors(60_000, 15), 3),
    "text": (lambda: text_like(120_000, 20), 7),
}

LONG = {"bytes", "unequal bytes", "text"}
CASES = [
    pytest.param(name, numba, marks=pytest.mark.slow if name in LONG and not numba else (), id=f"{name}-{how}")
    for name in SEQUENCES
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
def test_sequences_that_bend_the_rules(name, numba):
    make, bits = SEQUENCES[name]
    known, values = KNOWN["sequences"][name], make()
    assert hashlib.sha256(values.astype(np.uint8).tobytes()).hexdigest() == known["sha256"]
    compare(sp800_90b.assess(values, bits, numba=numba), known)


def test_what_was_counted_is_told_as_well():
    found = {e.name: e.found for e in sp800_90b.assess(packed("truerand_1bit")[0]).original}
    assert found["collision"]["v"] == 400_078
    assert (found["LRS"]["u"], found["LRS"]["v"]) == (17, 39)
    assert (found["MultiMMC"]["C"], found["MultiMMC"]["N"], found["MultiMMC"]["r"]) == (499_870, 999_998, 20)
