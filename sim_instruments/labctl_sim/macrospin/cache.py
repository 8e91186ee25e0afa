"""Columns that were worked out before: in memory, in the user's cache folder, and in files that come with a profile.

A column is a pure function of its key, so that nothing needs to be locked or dated: what two processes write at once is
the same. Whatever is wrong with the folder (read-only, full, damaged or foreign files) costs time, never an answer:
every file ends in the SHA-256 of what stands before, and without it counts as absent.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labctl_sim.macrospin.columns import FINEST, Column, pack, unpack

ORDER = 4  # of the differences that are shipped: columns ring, 40 samples to a turn
SEAL_BYTES = 32
STALE_SECONDS = 3600.0  # older than this, a half-written file is of a process that was killed


def name_of(key: str) -> str:
    """A column's name in files: a hash of its key."""
    return hashlib.sha256(key.encode("ascii")).hexdigest()[:40]


class Store:
    """Columns by key. ``folder`` = None keeps them in memory only; ``shipped`` are files of `write_set`."""

    def __init__(self, folder: Path | None = None, shipped: Iterable[Path] = ()) -> None:
        self._folder = folder
        self._memory: dict[str, Column] = {}
        self._unread = list(shipped)  # until a column is asked for, which most benches never do

    @property
    def kept(self) -> str:
        """Where columns that are put here stay, in words."""
        return f"kept in {self._folder}" if self._folder is not None else "kept while this process lives"

    def get(self, key: str) -> Column | None:
        """The column, if it is known."""
        name = name_of(key)
        while name not in self._memory and self._unread:
            for known, column in read_set(self._unread.pop(0)).items():
                self._memory.setdefault(known, column)
        if name not in self._memory and self._folder is not None:
            stored = _read(self._folder / "columns" / f"{name}.npz")
            if stored is not None and str(stored["key"]) == key:
                self._memory[name] = unpack(stored)
        return self._memory.get(name)

    def put(self, key: str, column: Column) -> Column:
        """Keep ``column``; returns it as it will be read again (float32), so that a cache changes no bit of a run."""
        name = name_of(key)
        self._memory[name] = unpack(pack(column))
        if self._folder is not None:
            target = self._folder / "columns" / f"{name}.npz"
            with contextlib.suppress(OSError):
                _sweep(_write(target, {"key": np.array(key), **pack(column)}))
        return self._memory[name]


def _read(path: Path) -> dict[str, NDArray[Any]] | None:
    """The arrays that `_write` put there; None if they are not all there, to the last byte."""
    try:
        # A pipe would block. Nothing unsealed gets to the readers of zip files, which can fail in a dozen ways.
        data = path.read_bytes() if path.is_file() else b""
    except OSError:
        return None
    body = data[:-SEAL_BYTES]
    if hashlib.sha256(body).digest() != data[-SEAL_BYTES:]:
        return None
    with np.load(io.BytesIO(body), allow_pickle=False) as stored:
        return dict(stored)


def _write(path: Path, arrays: Mapping[str, NDArray[Any]]) -> Path:
    """All of ``arrays`` or nothing, whoever else writes or reads there; returns ``path``."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]  # numpy's stub takes them for its own options
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(buffer.getvalue() + hashlib.sha256(buffer.getvalue()).digest())  # a zip file may have a tail
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    return path


def _sweep(fresh: Path) -> None:
    """Remove what killed processes left half written beside ``fresh``, by whose age theirs is measured."""
    oldest = fresh.stat().st_mtime - STALE_SECONDS
    for part in fresh.parent.glob("*.part"):
        with contextlib.suppress(OSError):
            if part.stat().st_mtime < oldest:
                part.unlink()


def write_set(path: Path, columns: Mapping[str, Column]) -> None:
    """Columns by key as one file, to ship with a profile: fourth differences of up and down - up, which pack best."""
    packed = {name_of(key): pack(each) for key, each in columns.items()}
    whole = [np.rint(each["chance"] * FINEST).astype(np.int32) for each in packed.values()]
    begin = np.zeros((2, ORDER), np.int32)
    apart = [np.stack([each[0], each[1] - each[0]]) for each in whole]
    _write(
        path,
        {
            "finest": np.array(FINEST),
            "names": np.array(list(packed), "U40"),
            "sizes": np.array([each.shape[1] for each in whole], np.int32),
            "numbers": np.array([each["numbers"] for each in packed.values()]).reshape(-1, 2),
            "steps": np.concatenate([np.diff(np.concatenate([begin, each], axis=1), ORDER) for each in apart], axis=1),
        },
    )
    path.chmod(0o644)  # a temporary file is its owner's alone; this one is for all who use the package


def read_set(path: Path) -> dict[str, Column]:
    """Columns by name; nothing where the file is absent or damaged, so that they will be worked out."""
    stored = _read(path)
    if stored is None:
        return {}
    each = np.split(stored["steps"], np.cumsum(stored["sizes"])[:-1], axis=1)
    for _ in range(ORDER):
        each = [np.cumsum(part, axis=1, dtype=np.int32) for part in each]
    chances = [np.cumsum(part, axis=0) / float(stored["finest"]) for part in each]
    entries = zip(stored["names"].tolist(), chances, stored["numbers"], strict=True)
    return {name: unpack({"chance": part, "numbers": numbers}) for name, part, numbers in entries}
