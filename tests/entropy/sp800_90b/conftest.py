"""Sequences that any machine can make again, on which NIST's tool was run; each bends another rule."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

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


@pytest.fixture(scope="session")
def sequence():
    """The sequence of that name, and its bits per symbol."""

    def make(name):
        values, bits = SEQUENCES[name]
        return values().astype(np.uint8), bits

    return make
