"""Bits to normal deviates: sixteen bits each, through a table, and not one drawn from anywhere else."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import ndtri
from torch import Tensor

from labctl.core.bits import BitSource, Origin
from labctl.core.errors import NotEnoughBits, ParameterError

Method = Literal["icdf16"]
BITS_PER_NORMAL = 16


@cache
def icdf16_table() -> NDArray[np.float32]:
    """The deviate for each 16-bit code: float32 (65536,), rising, odd about its middle, mean 0, variance 1.

    Each code stands for a slice of equal probability and becomes the mean of N(0, 1) over that slice. Slices lose
    the variance inside them, so the whole is scaled back to a variance of 1. The largest deviate is 4.39.
    A code's first bit is the sign: 0 is negative.
    """
    half = 1 << (BITS_PER_NORMAL - 1)
    edges = ndtri(0.5 + np.arange(half + 1) / (2 * half))
    density = np.exp(-0.5 * edges**2) / math.sqrt(2 * math.pi)
    upper = (density[:-1] - density[1:]) * (2 * half)
    upper = (upper / np.sqrt(np.mean(upper**2))).astype(np.float32)
    table: NDArray[np.float32] = np.concatenate([-upper[::-1], upper])
    table.setflags(write=False)
    return table


def table_sha256() -> str:
    """Hex digest of the table as little-endian float32: two machines with the same digest make the same noise."""
    return hashlib.sha256(icdf16_table().astype("<f4").tobytes()).hexdigest()


def bits_needed(shape: Sequence[int], draws: int = 1) -> int:
    """How many bits ``draws`` calls of ``randn(shape)`` spend, exactly.

    >>> bits_needed((20, 1, 28, 28))
    250880
    """
    return BITS_PER_NORMAL * math.prod(shape) * draws


class NoiseSource:
    """N(0, 1) tensors made of a source's bits, spent in order and counted.

    Each deviate is the next 16 bits, first bit first, read as a big-endian number; tensors fill in C order.
    When the source runs out its NotEnoughBits passes through: no noise is ever made up.
    """

    def __init__(self, bits: BitSource, method: Method = "icdf16") -> None:
        if method != "icdf16":
            raise ParameterError(f"there is no noise method {method!r}; known is: icdf16")
        self.method: Method = method
        self.bits_used = 0
        self._bits = bits
        self._origins: set[Origin] = set()
        self._spent = hashlib.sha256()

    @property
    def origins(self) -> tuple[Origin, ...]:
        """Where the bits spent so far came from, sorted."""
        return tuple(sorted(self._origins))

    @property
    def spent_sha256(self) -> str:
        """Hex digest of all bits spent so far, packed, in order."""
        return self._spent.hexdigest()

    def randn(self, shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
        """A tensor of ``shape`` on the CPU; reads exactly ``16 * numel`` bits, in one request.

        Raises NotEnoughBits.
        """
        wanted = bits_needed(shape)
        bits = self._bits.read(wanted)
        if len(bits) != wanted:
            raise NotEnoughBits(
                f"{wanted} bits were asked for and the source handed out {len(bits)}; harvest more, or ask for less"
            )
        self.bits_used += wanted
        self._origins.add(bits.origin)
        self._spent.update(bits.packed)
        codes = np.frombuffer(bits.packed, dtype=">u2")
        return torch.from_numpy(icdf16_table()[codes].reshape(tuple(shape))).to(dtype)

    def noise_sampler(self, x: Tensor) -> Callable[[object, object], Tensor]:
        """A ``noise_sampler`` for k-diffusion's samplers: noise shaped and typed like ``x``, for any two sigmas."""

        def sample(sigma: object, sigma_next: object) -> Tensor:
            """The next noise; k-diffusion passes the sigmas, a white source needs neither."""
            return self.randn(x.shape, x.dtype).to(x.device)

        return sample
