"""The eleven statistics of the permutation tests (5.1), five of the nineteen numbers each for two of them by lag."""

from __future__ import annotations

import bz2
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from labctl.entropy.sp800_90b import loops
from labctl.entropy.sp800_90b.fast import compiled
from labctl.entropy.sp800_90b.symbols import Symbols

LAGS = (1, 2, 8, 16, 32)
Values = NDArray[np.uint8]

GROUPS: tuple[tuple[str, ...], ...] = (
    ("excursion",),
    ("directional runs", "longest directional run", "increases or decreases"),
    ("median runs", "longest median run"),
    ("mean collision", "longest collision"),
    tuple(f"periodicity {lag}" for lag in LAGS),
    tuple(f"covariance {lag}" for lag in LAGS),
    ("compression",),
)
NAMES = tuple(name for group in GROUPS for name in group)
"""The nineteen, in the order of the standard."""


@dataclass(frozen=True)
class Statistics:
    """What stays the same when the symbols are shuffled; a call gives the statistics of one order of them.

    Bits are taken eight together, as their sum or as a byte, where the standard says so (conversions I and II). Order
    is looked for among the labels 0..k-1, sums and text are made of the raw symbols, as in the reference.
    """

    symbols: Symbols
    numba: bool = True
    _labels: Values = field(init=False, repr=False)
    _total: int = field(init=False)
    _median: float = field(init=False)
    _digits: NDArray[np.uint8] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        labels = np.zeros(256, np.uint8)
        labels[self.symbols.raw] = self.symbols.values
        digits = np.array([list(f"{x} ".encode().rjust(4, b"\0")) for x in range(256)], np.uint8)
        wide = 1 + len(str(int(self.symbols.raw.max())))
        median = 0.5 if self.binary else float(np.median(self.symbols.values))
        object.__setattr__(self, "_labels", labels)
        object.__setattr__(self, "_total", int(self.symbols.raw.sum(dtype=np.int64)))
        object.__setattr__(self, "_median", median)
        object.__setattr__(self, "_digits", digits[:, -wide:])

    @property
    def binary(self) -> bool:
        """Whether there are two different symbols."""
        return self.symbols.size <= 2

    def __call__(self, raw: Values, wanted: set[str]) -> dict[str, float]:
        """The statistics of those groups in which one is ``wanted``, for the symbols in the order of ``raw``."""
        values = self._labels[raw]
        found: dict[str, float] = {}
        for names, compute in zip(GROUPS, self._groups(), strict=True):
            if wanted.intersection(names):
                found |= dict(zip(names, compute(raw, values), strict=True))
        return found

    def _groups(self) -> tuple[Callable[[Values, Values], tuple[float, ...]], ...]:
        return (
            self._excursion,
            self._directions,
            self._median_runs,
            self._collisions,
            self._periodicities,
            self._covariances,
            self._compression,
        )

    def _excursion(self, raw: Values, _values: Values) -> tuple[float, ...]:
        # n times the distance from the mean, so that all of it is integers and equal excursions are found equal
        walk = raw.size * np.cumsum(raw, dtype=np.int64) - np.arange(1, raw.size + 1) * self._total
        return (int(np.abs(walk).max()) / raw.size,)

    def _directions(self, _raw: Values, values: Values) -> tuple[float, ...]:
        octets = sums_of_eight(values) if self.binary else values
        rising = octets[:-1] <= octets[1:]
        up = int(np.count_nonzero(rising))
        return (*_runs(rising), max(up, rising.size - up))

    def _median_runs(self, _raw: Values, values: Values) -> tuple[float, ...]:
        return _runs(values >= self._median)

    def _collisions(self, _raw: Values, values: Values) -> tuple[float, ...]:
        sequence = np.packbits(values) if self.binary else values
        kernel = compiled(loops.collisions) if self.numba else None
        if kernel is None:
            ends, last = [0] * sequence.size, [-1] * 256
            loops.collisions(sequence.tolist(), last, ends)
            found = np.array(ends)
        else:
            found = np.zeros(sequence.size, np.int64)
            kernel(sequence, np.full(256, -1), found)
        lengths = found[found > 0]
        return (int(lengths.sum()) / lengths.size, int(lengths.max())) if lengths.size else (0.0, 0.0)

    def _periodicities(self, _raw: Values, values: Values) -> tuple[float, ...]:
        x = sums_of_eight(values) if self.binary else values
        return tuple(int(np.count_nonzero(x[lag:] == x[:-lag])) for lag in LAGS)

    def _covariances(self, raw: Values, values: Values) -> tuple[float, ...]:
        x = (sums_of_eight(values) if self.binary else raw).astype(np.float64)  # sums below 2**53 are exact
        return tuple(float(np.dot(x[lag:], x[:-lag])) for lag in LAGS)

    def _compression(self, raw: Values, _values: Values) -> tuple[float, ...]:
        text = self._digits[raw].ravel()
        return (len(bz2.compress(text[text > 0][:-1].tobytes(), 5)),)


def sums_of_eight(values: Values) -> Values:
    """Conversion I: how many ones each eight bits hold, the last maybe fewer."""
    return np.bitwise_count(np.packbits(values))


def _runs(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """How many runs of equal flags there are, and the length of the longest."""
    edges = np.flatnonzero(flags[1:] != flags[:-1])
    bounds = np.concatenate(([-1], edges, [flags.size - 1]))
    return edges.size + 1, int(np.diff(bounds).max())
