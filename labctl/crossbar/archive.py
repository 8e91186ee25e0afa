"""NumPy archives that others have written: shapes before contents, and a sentence for whatever is wrong with them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from labctl.core.errors import ParameterError
from labctl.crossbar.reduction import Floats

DAMAGED = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, NotImplementedError, RuntimeError, OSError)
"""What zipfile, its decompressors and NumPy's reader raise for bytes that they do not understand."""


def shapes(path: Path) -> tuple[dict[str, tuple[int, ...]], list[str]]:
    """The shape of every array in ``path``, from their headers alone, and the names of members that are no arrays."""
    found, other = {}, []
    _refuse_unreadable(path)
    try:
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith(".npy"):
                    with archive.open(name) as member:
                        found[name.removesuffix(".npy")] = _shape(member)
                else:
                    other.append(name)
    except DAMAGED as error:
        raise ParameterError(
            f"{path} is not an npz that can be read ({error}); write it with numpy.savez(path, G=..., r_wl=...)"
        ) from error
    return found, other


def arrays(path: Path, keys: Iterable[str]) -> dict[str, Floats]:
    """The arrays of these ``keys``, which ``shapes`` has found, as float64; may hold NaN."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        for key in keys:
            try:
                with archive.open(f"{key}.npy") as member:
                    array = np.lib.format.read_array(member, allow_pickle=False)
            except DAMAGED as error:
                raise ParameterError(f"{key} of {path} cannot be read ({error}); write the file anew") from error
            if array.dtype.kind not in "fiub":
                raise ParameterError(f"{key} of {path} is of type {array.dtype}; it must hold real numbers")
            found[key] = array.astype(np.float64)
    return found


def _refuse_unreadable(path: Path) -> None:
    """A pipe would be waited for, so anything that is no file is not even opened."""
    try:
        if not path.exists():
            raise ParameterError(f"there is no file {path}; a case is an npz, written with numpy.savez")
        if not path.is_file():
            raise ParameterError(f"{path} is not a file; a case is an npz, written with numpy.savez")
        with path.open("rb"):
            pass
    except OSError as error:
        raise ParameterError(f"{path} cannot be read ({error.strerror}); check path and permissions") from error


def _shape(member: IO[bytes]) -> tuple[int, ...]:
    version = np.lib.format.read_magic(member)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape: tuple[int, ...] = read_header(member)[0]
    return shape
