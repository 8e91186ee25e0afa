"""Bits: packed, counted, and never without their origin."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import NotEnoughBits


class Origin(StrEnum):
    """Where bits come from. Only ``hardware`` bits may ever be called true-random."""

    HARDWARE = "hardware"
    RECORDED = "recorded"
    SIMULATED = "simulated"


@dataclass(frozen=True)
class Bits:
    """``count`` bits in ``packed`` bytes, most significant bit first; unused bits of the last byte are zero.

    >>> Bits.of([1, 0, 1, 1], Origin.SIMULATED).packed.hex()
    'b0'
    """

    packed: bytes
    count: int
    origin: Origin

    def __post_init__(self) -> None:
        if self.count < 0 or len(self.packed) != (self.count + 7) // 8:
            raise ValueError(f"{self.count} bits need {(self.count + 7) // 8} bytes, got {len(self.packed)}")
        spare = -self.count % 8
        if spare and self.packed[-1] & ((1 << spare) - 1):
            raise ValueError("the unused bits of the last byte must be zero")

    @classmethod
    def of(cls, values: Iterable[int] | NDArray[np.generic], origin: Origin) -> Bits:
        """Pack ``values`` (each 0 or 1, one per element)."""
        array = np.asarray(values if isinstance(values, np.ndarray) else list(values))
        if array.size and not ((array == 0) | (array == 1)).all():
            raise ValueError("bits are 0 or 1")
        return cls(np.packbits(array.astype(bool)).tobytes(), int(array.size), origin)

    @classmethod
    def of_bytes(cls, data: bytes, origin: Origin) -> Bits:
        """All ``8 * len(data)`` bits of ``data``."""
        return cls(data, 8 * len(data), origin)

    def unpack(self) -> NDArray[np.uint8]:
        """One element per bit: uint8 (count,), each 0 or 1."""
        return np.unpackbits(np.frombuffer(self.packed, np.uint8), count=self.count)

    def sha256(self) -> str:
        """Hex digest of the packed bytes."""
        return hashlib.sha256(self.packed).hexdigest()

    def __len__(self) -> int:
        return self.count


class BitSource(Protocol):
    """Something that hands out bits, each once."""

    def read(self, n_bits: int) -> Bits:
        """The next ``n_bits`` bits.

        Raises NotEnoughBits rather than ever returning fewer or making some up.
        """
        ...


class BitBuffer:
    """A BitSource over bits already at hand; what has been read is gone."""

    def __init__(self, bits: Bits) -> None:
        self._values = bits.unpack()
        self._origin = bits.origin
        self._position = 0

    def read(self, n_bits: int) -> Bits:
        """The next ``n_bits`` bits. Raises NotEnoughBits, and takes none, if fewer are left."""
        left = self._values.size - self._position
        if n_bits > left:
            raise NotEnoughBits(f"{n_bits} bits were asked for and {left} are left in this buffer; draw more at once")
        start, self._position = self._position, self._position + n_bits
        return Bits.of(self._values[start : self._position], self._origin)


@dataclass(frozen=True)
class Drawn:
    """Bits that were drawn from a ledger, with the number of the draw."""

    draw_id: str
    bits: Bits


class BitBank(Protocol):
    """Where a procedure that spends bits draws them."""

    def draw_bits(self, n_bits: int, *, purpose: str, accept_simulated: bool) -> Drawn:
        """``n_bits`` bits, spent by this call.

        Raises NotEnoughBits, or BitsRefused if only simulated bits are there and they are not accepted.
        """
        ...
