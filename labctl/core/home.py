"""The home folder: where the database, the bits and the journals of benches lie."""

from __future__ import annotations

import os
from pathlib import Path


def resolve_home(home: str | Path | None) -> Path:
    """The home folder that was asked for, else $LABCTL_HOME, else ~/labctl-home; absolute."""
    return Path(home or os.environ.get("LABCTL_HOME") or Path.home() / "labctl-home").expanduser().resolve()
