"""Arrays and their solutions as NumPy archives: what is asked, checked before anything large is read or built."""

from __future__ import annotations

import contextlib
import math
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labctl.core.errors import ParameterError
from labctl.crossbar.cells import BiasedTmr
from labctl.crossbar.network import Network
from labctl.crossbar.reduction import Floats
from labctl.crossbar.sides import by_side

LETTERS = {"left": "L", "right": "R", "top": "T", "bottom": "B"}
KEYS = ("G", "r_wl", "r_bl", *(f"term_{x}_{what}" for x in LETTERS.values() for what in ("v", "r")))
NONLINEAR_KEYS = ("gp", "tmr0", "vh", "state")
ZERO_BIAS_TOLERANCE = 1e-6


@dataclass(frozen=True)
class Case:
    """One array and its vectors.

    ``siemens``: (m, n); ``end_ohms``: (2m+2n,), inf = floating; ``volts``: (P, 2m+2n); ends in the order left,
    right, top, bottom. ``law``: of the cells, if their TMR falls with bias.
    """

    siemens: Floats
    word_segment_ohms: float
    bit_segment_ohms: float
    end_ohms: Floats
    volts: Floats
    law: BiasedTmr | None

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

    Raises ParameterError for what cannot be solved, and before reading the arrays if it would need more memory than
    ``limit_bytes``.
    """
    shapes = _shapes(path)
    missing = [key for key in KEYS if key not in shapes]
    if missing:
        raise ParameterError(
            f"{path} lacks {', '.join(missing)}; a case holds {', '.join(KEYS)}, and {', '.join(NONLINEAR_KEYS)} if "
            "the cells' TMR falls with bias"
        )
    given = [key for key in NONLINEAR_KEYS if key in shapes]
    if given and len(given) < len(NONLINEAR_KEYS):
        absent = ", ".join(key for key in NONLINEAR_KEYS if key not in given)
        raise ParameterError(f"{path} holds {', '.join(given)} but not {absent}; give all of them, or none (linear)")
    _refuse_large(path, shapes, limit_bytes)
    arrays = _arrays(path, (*KEYS, *given))
    siemens = arrays["G"]
    if siemens.ndim != 2 or not siemens.size:
        raise ParameterError(f"G of {path} has shape {siemens.shape}; it must be (rows, columns), each at least 1")
    counts = {"left": siemens.shape[0], "right": siemens.shape[0], "top": siemens.shape[1], "bottom": siemens.shape[1]}
    ohms = [_shaped(path, f"term_{x}_r", arrays, (counts[side],)) for side, x in LETTERS.items()]
    volts = [_vectors(path, f"term_{x}_v", arrays, counts[side]) for side, x in LETTERS.items()]
    numbers = {len(block) for block in volts}
    if len(numbers - {1}) > 1:
        found = ", ".join(f"term_{x}_v {len(block)}" for x, block in zip(LETTERS.values(), volts, strict=True))
        raise ParameterError(f"the sides of {path} hold different numbers of vectors ({found}); give as many for each")
    return Case(
        siemens,
        float(_shaped(path, "r_wl", arrays, ())),
        float(_shaped(path, "r_bl", arrays, ())),
        np.concatenate(ohms),
        np.concatenate([np.broadcast_to(block, (max(numbers), block.shape[1])) for block in volts], axis=1),
        _law(path, arrays) if given else None,
    )


def write(path: Path, amps: Floats, word_volts: Floats, bit_volts: Floats) -> None:
    """Write ``I_X`` (P, k), from ``amps`` into the array (P, 2m+2n), and ``v_wl``, ``v_bl`` (m, n), a vector's nodes.

    The file is there whole or not at all.
    """
    left, right, top, bottom = by_side(amps, *word_volts.shape)
    part = path.with_name(path.name + ".part")
    try:
        try:
            with part.open("wb") as file:
                np.savez(file, I_L=left, I_R=right, I_T=top, I_B=bottom, v_wl=word_volts, v_bl=bit_volts)
            part.replace(path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise ParameterError(
            f"{path} cannot be written ({error.strerror}); name a file in a folder of yours"
        ) from error


def refuse_unwritable(path: Path, case: Path) -> None:
    """Raise ParameterError if nothing can be written to ``path``, before time is spent on what should go there."""
    folder = path.parent
    if path.is_dir():
        raise ParameterError(f"{path} is a folder; name a file in it, such as {path / 'out.npz'}")
    if not folder.is_dir():
        raise ParameterError(f"{path} cannot be written: there is no folder {folder}; make it, or name another")
    if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        raise ParameterError(f"{path} cannot be written (permission denied); name a file in a folder of yours")
    if path.exists() and case.exists() and path.samefile(case):
        raise ParameterError(f"{path} is the case itself; name another file for the solution")


def bytes_needed(rows: int, cols: int, vectors: int, *, word_ohms: bool, bit_ohms: bool, nonlinear: bool) -> float:
    """About what solving takes, by the peak memory measured at 128 to 512 lines and rounded up; see ``Network``."""
    cells, ends = rows * cols, 2.0 * (rows + cols)
    tree = word_ohms and bit_ohms
    per_vector = 4 * ends + (12.0 * cells if nonlinear else 0.0)
    return 8 * ((340.0 if tree else 400.0) * cells + (6.0 if tree else 10.0) * ends**2 + vectors * per_vector)


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shape of every array of an archive, from their headers alone."""
    shapes = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as member:
                    version = np.lib.format.read_magic(member)
                    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
                    read_header = header or np.lib.format.read_array_header_2_0
                    shapes[name.removesuffix(".npy")] = read_header(member)[0]
    except FileNotFoundError:
        raise ParameterError(f"there is no file {path}; a case is an npz, written with numpy.savez") from None
    except OSError as error:
        raise ParameterError(f"{path} cannot be read ({error.strerror}); check path and permissions") from error
    except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError) as error:
        raise ParameterError(
            f"{path} is not an npz that can be read ({error}); write it with numpy.savez(path, G=..., r_wl=...)"
        ) from error
    return shapes


def _refuse_large(path: Path, shapes: Mapping[str, tuple[int, ...]], limit_bytes: float) -> None:
    shape = shapes["G"]
    if len(shape) != 2:
        return
    vectors = max((shapes[f"term_{x}_v"] or (1,))[0] for x in LETTERS.values())
    needed = 8.0 * sum(math.prod(s) for s in shapes.values()) + bytes_needed(
        *shape, vectors, word_ohms=True, bit_ohms=True, nonlinear="state" in shapes
    )
    if needed > limit_bytes:
        raise ParameterError(
            f"{path} asks for {shape[0]} x {shape[1]} cells and {vectors} vectors, which take about "
            f"{needed / 1e9:.3g} GB; the limit is {limit_bytes / 1e9:.3g} GB. Solve fewer vectors at a time or a part "
            "of the array, or raise the limit with --memory-gb if the machine has more"
        )


def _arrays(path: Path, keys: tuple[str, ...]) -> dict[str, Floats]:
    arrays = {}
    with np.load(path, allow_pickle=False) as archive:
        for key in keys:
            try:
                array = archive[key]
            except (ValueError, zipfile.BadZipFile, EOFError, OSError) as error:
                raise ParameterError(f"{key} of {path} cannot be read ({error}); write the file anew") from error
            if array.dtype.kind not in "fiub":
                raise ParameterError(f"{key} of {path} is of type {array.dtype}; it must hold real numbers")
            array = array.astype(np.float64)
            if np.isnan(array).any():
                spot = tuple(int(k) for k in np.argwhere(np.isnan(array))[0])
                raise ParameterError(f"{key} of {path} is NaN at {spot}; every value must be a number")
            arrays[key] = array
    return arrays


def _shaped(path: Path, key: str, arrays: Mapping[str, Floats], shape: tuple[int, ...]) -> Floats:
    array = arrays[key]
    if array.shape == shape or (shape == () and array.size == 1):
        return array.reshape(shape)
    wanted = f"shape {shape}" if shape else "one number"
    raise ParameterError(f"{key} of {path} has shape {array.shape}; for this array it must be {wanted}")


def _vectors(path: Path, key: str, arrays: Mapping[str, Floats], count: int) -> Floats:
    array = np.atleast_2d(arrays[key])
    if array.ndim != 2 or array.shape[1] != count or not array.shape[0]:
        raise ParameterError(
            f"{key} of {path} has shape {arrays[key].shape}; for this array it must be (P, {count}), P vectors of volts"
        )
    if not np.isfinite(array).all():
        raise ParameterError(f"{key} of {path} holds {array[~np.isfinite(array)][0]} V; volts must be finite")
    return array


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
