"""How junctions of one wafer differ: every quantity from its own stream of random numbers, some of them together.

A stream belongs to a name, so a quantity that is added to a profile, or given a spread, moves no other one.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from labctl_sim.flips import Floats, States
from labctl_sim.junction import OPEN, SHORTED, SOUND, STUCK_AP, STUCK_P


@dataclass(frozen=True)
class Correlation:
    """Pearson's coefficient of two quantities (of their logarithms, where the law is log-normal)."""

    between: tuple[str, str]
    value: float


def matrix(names: Sequence[str], correlations: Sequence[Correlation]) -> Floats:
    """(Q, Q) over ``names``, ones on the diagonal."""
    result = np.eye(len(names))
    for correlation in correlations:
        first, second = (names.index(name) for name in correlation.between)
        result[first, second] = result[second, first] = correlation.value
    return result


def involved(correlations: Sequence[Correlation]) -> list[str]:
    """The names in the order in which they first occur."""
    return list(dict.fromkeys(name for correlation in correlations for name in correlation.between))


class Wafer:
    """A wafer's random numbers: one draw from ``rng`` says which wafer it is, all else follows from it by name."""

    def __init__(self, rng: np.random.Generator, count: int) -> None:
        self._root = [int(word) for word in rng.integers(0, 1 << 32, 4)]
        self._count = count

    def stream(self, name: str) -> np.random.Generator:
        """The generator that belongs to ``name``."""
        return np.random.Generator(np.random.PCG64([*self._root, zlib.crc32(name.encode())]))

    def uniforms(self, name: str) -> Floats:
        """Strictly between 0 and 1, (N,)."""
        return self.stream(name).uniform(np.nextafter(0, 1), 1, self._count)

    def normals(self, names: Sequence[str], correlations: Sequence[Correlation]) -> Mapping[str, Floats]:
        """N(0,1) for each of ``names``, (N,), as far as wanted correlated."""
        result = {name: self.stream(name).standard_normal(self._count) for name in names}
        together = involved(correlations)
        if together:
            # A triangular root leaves the first ones as they are; the mite on the diagonal allows for values of 1.
            root = np.linalg.cholesky(matrix(together, correlations) + 1e-12 * np.eye(len(together)))
            mixed = root @ np.array([result[name] for name in together])
            result.update(zip(together, mixed, strict=True))
        return result

    def defects(self, stuck_p: float, stuck_ap: float, shorted: float, open_: float) -> States:
        """What is wrong with each junction, uint8 (N,), by these fractions."""
        bounds = np.cumsum([stuck_p, stuck_ap, shorted, open_])
        kinds: NDArray[np.uint8] = np.array([STUCK_P, STUCK_AP, SHORTED, OPEN, SOUND], np.uint8)
        return kinds[np.searchsorted(bounds, self.uniforms("defects"), side="right")]
