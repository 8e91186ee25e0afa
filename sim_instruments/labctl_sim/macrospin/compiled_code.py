"""A folder of compiled code that is used only as it was left: numba believes whatever bytes it finds in its own.

Beside the code stands the SHA-256 of all of it. Where that does not fit (damaged files, or a process killed before it
had written the sum), the code is thrown away and compiled anew, which takes some seconds.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

SUM = "sha256"


def prepared(folder: Path | None) -> Path | None:
    """``folder``, made if need be and emptied of what is damaged; None where nothing can be kept."""
    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if _sum_in(folder) != _sum_of(folder):
            for path in _files(folder):  # not the folders: another process may be about to write there
                path.unlink(missing_ok=True)
    except OSError:  # a home that cannot be written, or another process at the same work: keep nothing
        return None
    return folder if os.access(folder, os.W_OK) else None


def seal(folder: Path) -> None:
    """Note what the folder holds now."""
    with contextlib.suppress(OSError):  # then it will be compiled anew the next time
        total = _sum_of(folder)
        if _sum_in(folder) != total:
            handle, name = tempfile.mkstemp(dir=folder)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(total)
            Path(name).replace(folder / SUM)


def _files(folder: Path) -> list[Path]:
    """numba's index and code, in subfolders of its own."""
    return sorted(folder.glob("*/*.nb[ci]"))


def _sum_of(folder: Path) -> str:
    total = hashlib.sha256()
    for path in _files(folder):
        data = path.read_bytes()
        total.update(f"{path.relative_to(folder)} {len(data)}\n".encode() + data)
    return total.hexdigest()


def _sum_in(folder: Path) -> str:
    try:
        return (folder / SUM).read_bytes().decode("ascii", "replace")
    except FileNotFoundError:
        return ""
