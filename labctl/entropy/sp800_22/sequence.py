"""The sequence under test: packed bits, and the views of them that several tests share, each made once."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from labctl.core.bits import Bits
from labctl.core.errors import ParameterError

EIGHTHS = 8
"""Blocks of the non-overlapping template test, which the pattern counts are kept apart for."""


class Sequence:
    """``n`` bits in ``packed``: uint8 (ceil(n / 8),), most significant bit first, unused bits of the last byte zero."""

    def __init__(self, packed: NDArray[np.uint8], n: int) -> None:
        if not isinstance(packed, np.ndarray) or packed.dtype != np.uint8 or packed.ndim != 1:
            raise ParameterError("a sequence is packed bits: a flat array of uint8; make one with Sequence.of(bits)")
        if n < 1:
            raise ParameterError(f"a sequence of {n} bits was given; give at least one, and a million for every test")
        if packed.size != (n + 7) // 8:
            raise ParameterError(f"{n} bits are {(n + 7) // 8} bytes, but there are {packed.size}; cut the array first")
        if packed[-1] & ((1 << -n % 8) - 1):
            raise ParameterError("the unused bits of the last byte are not zero; pack with numpy.packbits")
        self.packed = packed
        self.n = n

    @classmethod
    def of(cls, bits: Bits) -> Sequence:
        """The sequence that ``bits`` are."""
        return cls(np.frombuffer(bits.packed, np.uint8), bits.count)

    @cached_property
    def bits(self) -> NDArray[np.uint8]:
        """One element per bit: uint8 (n,), each 0 or 1."""
        return np.unpackbits(self.packed, count=self.n)

    @cached_property
    def ones(self) -> int:
        """How many bits are one."""
        return int(np.bitwise_count(self.packed).sum(dtype=np.int64))

    @cached_property
    def windows(self) -> NDArray[np.uint16]:
        """The 16 bits that begin at each position, going on at the start when the end is reached: uint16 (n,)."""
        ahead = np.resize(self.bits[:32], 32) if self.n < 32 else self.bits[:32]
        whole = self.n // 8
        tail = np.packbits(np.concatenate((self.bits[8 * whole :], ahead)))
        data = np.concatenate((self.packed[:whole], tail)).astype(np.uint32)
        count = (self.n + 7) // 8
        triple = data[:count] << 16 | data[1 : count + 1] << 8 | data[2 : count + 2]
        out = np.empty((count, 8), np.uint16)
        for shift in range(8):
            out[:, shift] = triple >> (8 - shift)
        return out.reshape(-1)[: self.n]

    @cached_property
    def eighths(self) -> NDArray[np.int64]:
        """How often each 16-bit window begins in each eighth and in what is left over: int64 (9, 65536)."""
        length = self.n // EIGHTHS
        edges = [length * block for block in range(EIGHTHS + 1)] + [self.n]
        windows = (self.windows[begin:end] for begin, end in pairwise(edges))
        return np.stack([np.bincount(part, minlength=1 << 16) for part in windows])

    @cached_property
    def _patterns16(self) -> NDArray[np.int64]:
        counts: NDArray[np.int64] = self.eighths.sum(axis=0)
        return counts

    def patterns(self, length: int) -> NDArray[np.int64]:
        """How often each pattern of ``length`` bits occurs, the sequence taken as a ring: int64 (2**length,)."""
        if length <= 16:
            return folded(self._patterns16, length)
        ahead = self.windows.astype(np.uint32)
        wide = (ahead << 16 | np.roll(ahead, -16)) >> (32 - length)
        return np.bincount(wide, minlength=1 << length)

    @cached_property
    def walk(self) -> NDArray[np.int32]:
        """Sum of the first k + 1 bits, each taken as -1 or +1: int32 (n,)."""
        table = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.int32) * 2 - 1
        table = table.cumsum(axis=1, dtype=np.int32)
        steps = table[self.packed]
        steps[1:] += steps[:-1, 7].cumsum(dtype=np.int32)[:, None]
        return steps.reshape(-1)[: self.n]


def folded(counts: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Counts of the first ``length`` bits of the patterns counted along the last axis."""
    out: NDArray[np.int64] = counts.reshape(*counts.shape[:-1], 1 << length, -1).sum(axis=-1)
    return out
