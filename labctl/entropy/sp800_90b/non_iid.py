"""The non-IID track: ten estimators on the symbols and, where there are more than two, on their bits (3.1.3)."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from labctl.core.bits import Bits
from labctl.core.errors import ParameterError
from labctl.entropy.sp800_90b.compression import compression
from labctl.entropy.sp800_90b.counts import collision, markov, most_common_value
from labctl.entropy.sp800_90b.dictionary import lz78y
from labctl.entropy.sp800_90b.estimate import Estimate
from labctl.entropy.sp800_90b.lag import lag
from labctl.entropy.sp800_90b.markov_models import multi_mmc
from labctl.entropy.sp800_90b.symbols import Symbols
from labctl.entropy.sp800_90b.tuples import tuples
from labctl.entropy.sp800_90b.windows import multi_mcw

RECOMMENDED = 1_000_000
"""Symbols that the standard asks for (3.1.1)."""


@dataclass(frozen=True)
class Assessment:
    """Entropy of a source in bits per symbol of ``bits_per_symbol`` bits: ``min_entropy``, the least of all below.

    ``original`` are the ten estimates on the symbols, ``bitstring`` those on their bits (empty for a source of bits,
    where they are the same); ``h_original`` and ``h_bitstring``, in bits per symbol and per bit, are their minima, and
    ``claimed`` is what the model of the source promises, if it was given.
    ``enough`` is false with fewer symbols than the standard asks for.
    """

    n: int
    bits_per_symbol: int
    original: tuple[Estimate, ...]
    bitstring: tuple[Estimate, ...]
    h_original: float
    h_bitstring: float | None
    claimed: float | None
    min_entropy: float
    enough: bool


def estimates(symbols: Symbols, *, numba: bool = True) -> tuple[Estimate, ...]:
    """The ten estimates of one sequence, in the order of the standard; those made for bits do without symbols."""
    return (
        most_common_value(symbols),
        collision(symbols),
        markov(symbols),
        compression(symbols),
        *tuples(symbols, numba=numba),
        multi_mcw(symbols, numba=numba),
        lag(symbols, numba=numba),
        multi_mmc(symbols, numba=numba),
        lz78y(symbols, numba=numba),
    )


def assess(
    samples: Bits | ArrayLike | Symbols,
    bits: int | None = None,
    *,
    claimed: float | None = None,
    numba: bool = True,
) -> Assessment:
    """Assess ``samples``, symbols of ``bits`` bits (see `Symbols.of`), making no assumption on how they depend.

    ``claimed`` is what the model of the source says, in bits per symbol: nothing that is measured can raise it (3.1.3).
    ``numba=False`` keeps the loops in NumPy; the result is the same.
    """
    symbols = samples if isinstance(samples, Symbols) else Symbols.of(samples, bits)
    original = estimates(symbols, numba=numba)
    h_original = least(original, float(symbols.bits))
    string: tuple[Estimate, ...] = ()
    h_bitstring = None
    if symbols.size > 2:
        string = estimates(symbols.bitstring(), numba=numba)
        h_bitstring = least(string, 1.0)
    if claimed is not None and claimed < 0:
        raise ParameterError(f"an entropy of {claimed} bits per symbol was claimed; it cannot be less than 0")
    bounds = [h_original, claimed, None if h_bitstring is None else symbols.bits * h_bitstring]
    h = min(bound for bound in bounds if bound is not None)
    n = len(symbols)
    return Assessment(n, symbols.bits, original, string, h_original, h_bitstring, claimed, h, n >= RECOMMENDED)


def least(found: tuple[Estimate, ...], limit: float) -> float:
    """The smallest of the estimates that apply, ``limit`` at most."""
    return min([limit, *(e.min_entropy for e in found if e.min_entropy is not None)])
