"""The one place that knows numba: a loop as machine code where it is installed, or nothing where it is not."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

_compiling = threading.Lock()


def available() -> bool:
    """Whether numba is installed."""
    return importlib.util.find_spec("numba") is not None


def compiled(function: Callable[..., None]) -> Callable[..., None] | None:
    """``function`` as machine code, kept on disk after its first call; None without numba."""
    if not available():
        return None
    with _compiling:
        return _compiled(function)


@cache
def _compiled(function: Callable[..., None]) -> Callable[..., None]:
    numba: Any = importlib.import_module("numba")
    source = Path(function.__code__.co_filename)
    folder = _cache_folder(source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        keep = os.access(folder, os.W_OK)
    except OSError:  # a home that cannot be written: compile anew in each process
        keep = False
    before = numba.config.CACHE_DIR
    try:
        # numba asks for its folder when the function is wrapped; a folder that the user has named is kept.
        numba.config.CACHE_DIR = before or str(folder)
        machine: Callable[..., None] = numba.njit(nogil=True, cache=keep)(function)
    finally:
        numba.config.CACHE_DIR = before
    return machine


def _cache_folder(source: Path) -> Path:
    """A folder in the user's cache, named for the text that is compiled; never beside the source."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "labctl" / f"entropy-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
