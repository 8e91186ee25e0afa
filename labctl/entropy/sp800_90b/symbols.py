"""What a source put out, as symbols: checked, and relabelled 0, 1, 2, ... as the tests want them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from labctl.core.bits import Bits
from labctl.core.errors import ParameterError

MOST_BITS = 8
"""Bits per symbol at most, as in NIST's tool; wider symbols have to be reduced first (SP 800-90B 6.4)."""


@dataclass(frozen=True)
class Symbols:
    """A sequence of symbols.

    ``raw`` uint8 (n,) is what the source put out, ``values`` uint8 (n,) the same relabelled to 0..size-1 in order,
    ``size`` how many different symbols there are, and ``bits`` the width of one.
    """

    raw: NDArray[np.uint8]
    values: NDArray[np.uint8]
    size: int
    bits: int

    @classmethod
    def of(cls, samples: Bits | ArrayLike, bits: int | None = None) -> Symbols:
        """Symbols of ``bits`` bits each (None: as few as the largest needs).

        ``Bits`` are cut into symbols, first bit most significant; of an array each element is one symbol.
        """
        if bits is not None and not 1 <= bits <= MOST_BITS:
            raise ParameterError(f"symbols of {bits} bits were asked for; they may have 1 to {MOST_BITS}")
        raw = _cut(samples, bits or 1) if isinstance(samples, Bits) else _checked(samples)
        if not raw.size:
            raise ParameterError("there are no symbols to assess; a source is assessed on 1,000,000 or more")
        widest = max(int(raw.max()).bit_length(), 1)
        if bits is not None and widest > bits:
            raise ParameterError(f"the largest symbol, {raw.max()}, needs {widest} bits and {bits} were given")
        present = np.bincount(raw, minlength=2**MOST_BITS) > 0
        labels = (np.cumsum(present) - 1).astype(np.uint8)
        return cls(raw, labels[raw], int(np.count_nonzero(present)), bits or widest)

    def bitstring(self) -> Symbols:
        """The same samples bit by bit, most significant first."""
        if self.bits == 1:
            return self
        columns = np.unpackbits(self.raw[:, None], axis=1)[:, MOST_BITS - self.bits :]
        return Symbols.of(np.ascontiguousarray(columns).ravel(), 1)

    def __len__(self) -> int:
        return self.raw.size


def _cut(bits: Bits, width: int) -> NDArray[np.uint8]:
    """The whole symbols of ``width`` bits in ``bits``; what is left over at the end is not used."""
    rows = bits.unpack()[: len(bits) // width * width].reshape(-1, width)
    return np.packbits(rows, axis=1).ravel() >> np.uint8(MOST_BITS - width)


def _checked(samples: ArrayLike) -> NDArray[np.uint8]:
    array = np.asarray(samples)
    if array.ndim != 1:
        raise ParameterError(f"symbols come in one row; an array of shape {array.shape} was given, so flatten it")
    if array.size and array.dtype.kind not in "biu":
        raise ParameterError(f"symbols are integers; {array.dtype} was given, so digitise the samples first")
    if array.size and (int(array.min()) < 0 or int(array.max()) >= 2**MOST_BITS):
        raise ParameterError(
            f"symbols are integers from 0 to {2**MOST_BITS - 1}; found {array.min()} to {array.max()}, "
            "so map wider samples to 8 bits first (SP 800-90B 6.4)"
        )
    return array.astype(np.uint8)
