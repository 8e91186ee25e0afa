"""Where the simulation keeps what it can work out again: columns of switching tables and compiled code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def user_folder(environment: Mapping[str, str] = os.environ) -> Path | None:
    """LABCTL_CACHE, or the place for caches on this system; None for a user without a home, as in some containers."""
    if environment.get("LABCTL_CACHE"):
        return Path(environment["LABCTL_CACHE"])
    if environment.get("XDG_CACHE_HOME"):
        return Path(environment["XDG_CACHE_HOME"]) / "labctl"
    if sys.platform == "win32" and environment.get("LOCALAPPDATA"):
        return Path(environment["LOCALAPPDATA"]) / "labctl" / "Cache"
    try:
        return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "labctl"
    except RuntimeError:  # neither HOME nor an entry in the list of users
        return None
