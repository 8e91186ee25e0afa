"""Files that are named by their SHA-256, on the disk before SQL speaks of them, and checked whenever they are read."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from labctl.core.errors import DatabaseError
from labctl.ledger.database import DiskFull


def keep(folder: Path, content: bytes, suffix: str = "") -> Path:
    """Write ``content`` durably to ``folder/<sha256><suffix>`` and return that path.

    The name appears only when the bytes are on the disk; a file that is already there is the same file.

    Raises DiskFull, having left nothing behind.
    """
    path = folder / f"{hashlib.sha256(content).hexdigest()}{suffix}"
    with _room():
        folder.mkdir(parents=True, exist_ok=True)
        handle, scratch = tempfile.mkstemp(dir=folder, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(scratch).replace(path)
        except BaseException:
            Path(scratch).unlink(missing_ok=True)
            raise
        _sync_folder(folder)
    return path


def fetch(home: Path, relative: str, sha256: str) -> bytes:
    """The bytes of the file at ``home/relative``.

    Raises DatabaseError unless they are the bytes that were kept.
    """
    path = home / relative
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatabaseError(
            f"the ledger counts on the file {path}, which cannot be read ({error.strerror}); restore it from a backup"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DatabaseError(
            f"the file {path} was changed: its SHA-256 is {found}, the ledger says {sha256}; restore it from a backup"
        )
    return content


@contextlib.contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
            raise DiskFull(f"no room left on the disk ({error}); free some and try again") from error
        raise


def _sync_folder(folder: Path) -> None:
    """Make the new name itself durable; Windows cannot open a folder for this and does not need it."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
