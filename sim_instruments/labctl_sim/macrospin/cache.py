"""Columns that were worked out before: in memory, in the user's cache folder, and in files that come with a profile.

A column is a pure function of its key, so that nothing needs to be locked or dated: what two processes write at once is
the same. Whatever is wrong with the folder (read-only, full, damaged or foreign files) costs time, never an answer.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from labctl_sim.macrospin.columns import FINEST, Column, pack, unpack

ORDER = 4  # of the differences that are stored: columns ring, 40 samples to a turn
WRONG = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


def user_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """LABCTL_CACHE, or the place for caches on this system."""
    if environment.get("LABCTL_CACHE"):
        return Path(environment["LABCTL_CACHE"])
    if environment.get("XDG_CACHE_HOME"):
        return Path(environment["XDG_CACHE_HOME"]) / "labctl"
    if sys.platform == "win32" and environment.get("LOCALAPPDATA"):
        return Path(environment["LOCALAPPDATA"]) / "labctl" / "Cache"
    return Path("~").expanduser() / ".cache" / "labctl"


def name_of(key: str) -> str:
    """A column's name in files: a hash of its key."""
    return hashlib.sha256(key.encode("ascii")).hexdigest()[:40]


class Store:
    """Columns by key. ``folder`` = None keeps them in memory only; ``shipped`` are files of `write_set`."""

    def __init__(self, folder: Path | None = None, shipped: Iterable[Path] = ()) -> None:
        self._folder = folder
        self._memory: dict[str, Column] = {}
        self._unread = list(shipped)  # until a column is asked for, which most benches never do

    def get(self, key: str) -> Column | None:
        """The column, if it is known."""
        name = name_of(key)
        while name not in self._memory and self._unread:
            for known, column in read_set(self._unread.pop(0)).items():
                self._memory.setdefault(known, column)
        if name not in self._memory and self._folder is not None:
            try:
                data = (self._folder / "columns" / f"{name}.npz").read_bytes()
                with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                    if str(stored["key"]) == key:
                        self._memory[name] = unpack(dict(stored))
            except WRONG:
                return None  # absent or damaged: it will be made again, and written over
        return self._memory.get(name)

    def put(self, key: str, column: Column) -> Column:
        """Keep ``column``; returns it as it will be read again (float32), so that a cache changes no bit of a run."""
        name = name_of(key)
        self._memory[name] = unpack(pack(column))
        if self._folder is not None:
            target = self._folder / "columns" / f"{name}.npz"
            with contextlib.suppress(OSError):
                buffer = io.BytesIO()
                np.savez_compressed(buffer, key=np.array(key), **pack(column))  # type: ignore[arg-type]  # numpy's stub
                replace_file(target, buffer.getvalue())
        return self._memory[name]


def replace_file(target: Path, data: bytes) -> None:
    """Write all of it or nothing, whoever else writes or reads there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def write_set(path: Path, columns: Mapping[str, Column]) -> None:
    """Columns by key as one file, to ship with a profile: fourth differences of up and down - up, which pack best."""
    packed = {name_of(key): pack(each) for key, each in columns.items()}
    whole = [np.rint(each["chance"] * FINEST).astype(np.int32) for each in packed.values()]
    begin = np.zeros((2, ORDER), np.int32)
    apart = [np.stack([each[0], each[1] - each[0]]) for each in whole]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        finest=np.array(FINEST),
        names=np.array(list(packed), "U40"),
        sizes=np.array([each.shape[1] for each in whole], np.int32),
        numbers=np.array([each["numbers"] for each in packed.values()]).reshape(-1, 2),
        steps=np.concatenate([np.diff(np.concatenate([begin, each], axis=1), ORDER) for each in apart], axis=1),
    )
    replace_file(path, buffer.getvalue())
    path.chmod(0o644)  # a temporary file is its owner's alone; this one is for all who use the package


def read_set(path: Path) -> dict[str, Column]:
    """Columns by name; nothing where the file is absent or damaged."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
            each = np.split(stored["steps"], np.cumsum(stored["sizes"])[:-1], axis=1)
            for _ in range(ORDER):
                each = [np.cumsum(part, axis=1, dtype=np.int32) for part in each]
            chances = [np.cumsum(part, axis=0) / float(stored["finest"]) for part in each]
            entries = zip(stored["names"].tolist(), chances, stored["numbers"], strict=True)
            return {name: unpack({"chance": part, "numbers": numbers}) for name, part, numbers in entries}
    except WRONG:
        return {}
