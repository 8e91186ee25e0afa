"""Bit sources for sampling: a seeded one without end, and a given string of bytes with one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from labctl.core.bits import Bits, BitSource, Origin
from labctl.core.errors import NotEnoughBits


class SeededBits:
    """Independent bits that are 1 with probability ``p``, from a seed, without end."""

    def __init__(self, seed: int, p: float = 0.5) -> None:
        self._rng = np.random.default_rng(seed)
        self._p = p

    def read(self, n_bits: int) -> Bits:
        if self._p == 0.5:
            return Bits.of_bytes(self._rng.bytes(n_bits // 8), Origin.SIMULATED)
        return Bits.of(self._rng.random(n_bits) < self._p, Origin.SIMULATED)


class GivenBits:
    """The bits of ``data``, whole bytes at a time, and then no more."""

    def __init__(self, data: bytes, origin: Origin = Origin.RECORDED) -> None:
        self._data, self._origin, self._at = data, origin, 0

    def read(self, n_bits: int) -> Bits:
        end = self._at + n_bits // 8
        if end > len(self._data):
            raise NotEnoughBits(f"{n_bits} bits were asked for, {8 * (len(self._data) - self._at)} are left")
        start, self._at = self._at, end
        return Bits.of_bytes(self._data[start:end], self._origin)


@pytest.fixture(scope="session")
def seeded_bits() -> Callable[..., BitSource]:
    return SeededBits


@pytest.fixture(scope="session")
def given_bits() -> Callable[..., BitSource]:
    return GivenBits
