"""The solution of an array as a file, which is there whole or not at all, and never in place of what is no file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from labctl.core.errors import ParameterError
from labctl.crossbar.reduction import Floats
from labctl.crossbar.sides import by_side

KEYS = ("I_L", "I_R", "I_T", "I_B", "v_wl", "v_bl")


def write(path: Path, amps: Floats, word_volts: Floats, bit_volts: Floats) -> None:
    """Write ``I_X`` (P, k), from ``amps`` into the array (P, 2m+2n), and ``v_wl``, ``v_bl`` (m, n), a vector's nodes.

    A file at ``path`` is replaced; raises ParameterError, as ``refuse_unwritable`` does.
    """
    left, right, top, bottom = by_side(amps, *word_volts.shape)
    refuse_unwritable(path)
    target = Path(os.path.realpath(path))  # of a link, what it leads to is replaced
    part = target.with_name(f"{target.name[:200]}.{os.getpid()}.part")
    try:
        with part.open("xb"):
            pass
        try:
            with part.open("wb") as file:
                np.savez(file, I_L=left, I_R=right, I_T=top, I_B=bottom, v_wl=word_volts, v_bl=bit_volts)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritable(path, error.strerror) from error


def refuse_unwritable(path: Path) -> None:
    """Raise ParameterError if nothing can be written to ``path``, before time is spent on what should go there."""
    target = Path(os.path.realpath(path))
    folder = target.parent
    try:
        if target.is_dir():
            raise ParameterError(f"{path} is a folder; name a file in it, such as {path / 'out.npz'}")
        if not folder.is_dir():
            raise ParameterError(f"{path} cannot be written: there is no folder {folder}; make it, or name another")
        if target.is_symlink() or (target.exists() and not target.is_file()):
            raise ParameterError(
                f"{path} is a device, a pipe or a link to itself and stays what it is; name a file in a folder of yours"
            )
    except OSError as error:
        raise _unwritable(path, error.strerror) from error
    if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise _unwritable(path, "permission denied")


def _unwritable(path: Path, why: str | None) -> ParameterError:
    return ParameterError(f"{path} cannot be written ({why}); name a file in a folder of yours")
