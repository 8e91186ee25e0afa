"""Arrays and their vectors as NumPy archives: what is asked, checked before anything large is read or built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labctl.core.errors import ParameterError
from labctl.crossbar import archive, checks, solved
from labctl.crossbar.cells import BiasedTmr
from labctl.crossbar.network import Network
from labctl.crossbar.reduction import Floats
from labctl.crossbar.sides import by_side

LETTERS = {"left": "L", "right": "R", "top": "T", "bottom": "B"}
NEEDED = ("G", "r_wl", "r_bl")
KEYS = (*NEEDED, *(f"term_{x}_{what}" for x in LETTERS.values() for what in ("v", "r")))
NONLINEAR_KEYS = ("gp", "tmr0", "vh", "state")
ZERO_BIAS_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Case:
    """One array and its vectors.

    ``siemens``: (m, n); ``end_ohms``: (2m+2n,), inf = floating; ``volts``: (P, 2m+2n); ends in the order left,
    right, top, bottom. ``law``: of the cells, if their TMR falls with bias. ``ignored``: what else the file holds.
    """

    siemens: Floats
    word_segment_ohms: float
    bit_segment_ohms: float
    end_ohms: Floats
    volts: Floats
    law: BiasedTmr | None
    ignored: tuple[str, ...]

    def network(self) -> Network:
        """The array with its line ends, linear at zero bias."""
        left, right, top, bottom = (ohms[0] for ohms in by_side(self.end_ohms[None], *self.siemens.shape))
        return Network(
            self.siemens,
            word_segment_ohms=self.word_segment_ohms,
            bit_segment_ohms=self.bit_segment_ohms,
            left_ohms=left,
            right_ohms=right,
            top_ohms=top,
            bottom_ohms=bottom,
        )


def read(path: Path, limit_bytes: float = math.inf) -> Case:
    """The case in ``path``, an npz with the keys ``KEYS`` and, for cells whose TMR falls, ``NONLINEAR_KEYS``.

    A side without keys floats; a number, or one per vector, stands for all ends of its side; volts of an end that
    floats do not matter. Raises ParameterError for what cannot be solved or could mean two things, and before reading
    the arrays if it would need more memory than ``limit_bytes``.
    """
    shapes, others = archive.shapes(path)
    keys = _keys(path, shapes)
    _refuse_large(path, shapes, limit_bytes)
    arrays = archive.arrays(path, keys)
    siemens = arrays["G"]
    if siemens.ndim != 2 or not siemens.size:
        raise ParameterError(f"G of {path} has shape {siemens.shape}; it must be (rows, columns), each at least 1")
    for key, array in arrays.items():
        if np.isnan(array).any() and not (key.startswith("term_") and key.endswith("_v")):
            spot = tuple(int(k) for k in np.argwhere(np.isnan(array))[0])
            raise ParameterError(f"{key} of {path} is NaN at {spot}; every value must be a number")
    counts = {"left": siemens.shape[0], "right": siemens.shape[0], "top": siemens.shape[1], "bottom": siemens.shape[1]}
    ohms = [_ohms(path, f"term_{x}_r", arrays, counts[side]) for side, x in LETTERS.items()]
    volts = [
        _vectors(path, f"term_{x}_v", arrays, floating)
        for x, floating in zip(LETTERS.values(), map(np.isinf, ohms), strict=True)
    ]
    numbers = {len(block) for block in volts}
    if len(numbers - {1}) > 1:
        found = ", ".join(f"term_{x}_v {len(block)}" for x, block in zip(LETTERS.values(), volts, strict=True))
        raise ParameterError(f"the sides of {path} hold different numbers of vectors ({found}); give as many for each")
    return Case(
        siemens,
        checks.segment(f"r_wl of {path}", float(_shaped(path, "r_wl", arrays, ()))),
        checks.segment(f"r_bl of {path}", float(_shaped(path, "r_bl", arrays, ()))),
        np.concatenate(ohms),
        np.concatenate([np.broadcast_to(block, (max(numbers), block.shape[1])) for block in volts], axis=1),
        _law(path, arrays) if "state" in arrays else None,
        tuple(sorted((set(shapes) - set(arrays) - set(solved.KEYS)).union(others))),
    )


def bytes_needed(rows: int, cols: int, vectors: int, *, word_ohms: bool, bit_ohms: bool, nonlinear: bool) -> float:
    """About what solving takes, by the peak memory measured at 128 to 512 lines and rounded up; see ``Network``."""
    cells, ends = rows * cols, 2.0 * (rows + cols)
    tree = word_ohms and bit_ohms
    per_vector = 4 * ends + (12.0 * cells if nonlinear else 0.0)
    return 8 * ((340.0 if tree else 400.0) * cells + 12.0 * ends**2 + vectors * per_vector)


def _refuse_large(path: Path, shapes: Mapping[str, tuple[int, ...]], limit_bytes: float) -> None:
    shape = shapes["G"]
    if len(shape) != 2:
        return
    vectors = max((shapes.get(f"term_{x}_v") or (1,))[0] for x in LETTERS.values())
    needed = 8.0 * sum(math.prod(s) for s in shapes.values()) + bytes_needed(
        *shape, vectors, word_ohms=True, bit_ohms=True, nonlinear="state" in shapes
    )
    if needed > limit_bytes:
        raise ParameterError(
            f"{path} asks for {shape[0]} x {shape[1]} cells and {vectors} vectors, which take about "
            f"{needed / 1e9:.3g} GB; the limit is {limit_bytes / 1e9:.3g} GB. Solve fewer vectors at a time or a part "
            "of the array, or raise the limit with --memory-gb if the machine has more"
        )


def _keys(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """The keys that describe the case, of all that the file holds."""
    missing = [key for key in NEEDED if key not in shapes]
    if missing:
        raise ParameterError(
            f"{path} lacks {', '.join(missing)}; a case holds {', '.join(KEYS)}, and {', '.join(NONLINEAR_KEYS)} if "
            "the cells' TMR falls with bias"
        )
    known = [key for key in (*KEYS, *NONLINEAR_KEYS) if key in shapes]
    meant = {key.casefold() for key in (*KEYS, *NONLINEAR_KEYS)}
    for key in shapes.keys() - set(known):
        if key.casefold() in meant or key.casefold().startswith("term_"):
            raise ParameterError(f"{path} holds {key}, which may be meant for one of {', '.join(KEYS)}; rename it")
    for x in LETTERS.values():
        if f"term_{x}_v" in shapes and f"term_{x}_r" not in shapes:
            raise ParameterError(
                f"{path} holds term_{x}_v but not term_{x}_r; give the ohms of these ends, 0 for ideal sources and "
                "inf for ends that float"
            )
    absent = [key for key in NONLINEAR_KEYS if key not in shapes]
    if 0 < len(absent) < len(NONLINEAR_KEYS):
        found = ", ".join(key for key in NONLINEAR_KEYS if key in shapes)
        raise ParameterError(f"{path} holds {found} but not {', '.join(absent)}; give all of them, or none (linear)")
    return known


def _shaped(path: Path, key: str, arrays: Mapping[str, Floats], shape: tuple[int, ...]) -> Floats:
    array = arrays[key]
    if array.shape == shape or (shape == () and array.size == 1):
        return array.reshape(shape)
    wanted = f"shape {shape}" if shape else "one number"
    raise ParameterError(f"{key} of {path} has shape {array.shape}; for this array it must be {wanted}")


def _ohms(path: Path, key: str, arrays: Mapping[str, Floats], count: int) -> Floats:
    """Of one side's ends (count,)."""
    array = arrays.get(key, np.array(np.inf))
    checks.refuse_impossible_ohms(f"{key} of {path}", array)
    if array.size == 1:
        return np.full(count, array.item())
    return _shaped(path, key, arrays, (count,))


def _vectors(path: Path, key: str, arrays: Mapping[str, Floats], floating: NDArray[np.bool_]) -> Floats:
    """Of one side's ends, (P, count); 0 V where they float."""
    count = floating.size
    if key not in arrays:
        if floating.all():
            return np.zeros((1, count))
        raise ParameterError(f"{path} lacks {key}, but ends of that side are connected; give their volts, such as 0")
    array = np.atleast_2d(arrays[key])
    if array.ndim != 2 or array.shape[1] not in (1, count) or not array.shape[0]:
        raise ParameterError(
            f"{key} of {path} has shape {arrays[key].shape}; for this array it must be (P, {count}), P vectors of volts"
        )
    result = np.where(floating, 0.0, array)
    if not np.isfinite(result).all():
        raise ParameterError(f"{key} of {path} holds {result[~np.isfinite(result)][0]} V; volts must be finite")
    return result


def _law(path: Path, arrays: Mapping[str, Floats]) -> BiasedTmr:
    shape = arrays["G"].shape
    parallel, state = (_shaped(path, key, arrays, shape) for key in ("gp", "state"))
    if not np.isin(state, (0, 1)).all():
        odd = state[~np.isin(state, (0, 1))][0]
        raise ParameterError(f"state of {path} holds {odd}; it must be 0 (parallel) or 1 (antiparallel)")
    if not (np.isfinite(parallel) & (parallel >= 0)).all():
        odd = parallel[~(np.isfinite(parallel) & (parallel >= 0))][0]
        raise ParameterError(f"gp of {path} holds {odd} S; conductances must be finite and at least 0")
    tmr, half = (float(_shaped(path, key, arrays, ())) for key in ("tmr0", "vh"))
    law = BiasedTmr(parallel, state == 1, tmr, half)
    apart = np.abs(law.zero_bias_siemens - arrays["G"])
    if (apart > ZERO_BIAS_TOLERANCE * np.abs(arrays["G"]).max()).any():
        i, j = (int(k) for k in np.argwhere(apart == apart.max())[0])
        raise ParameterError(
            f"G of {path} is {arrays['G'][i, j]:.6g} S at ({i}, {j}), but gp, tmr0 and state make it "
            f"{law.zero_bias_siemens[i, j]:.6g} S at zero bias; G must be the zero-bias value, gp or gp / (1 + tmr0)"
        )
    return law
