"""A bench whose owner is gone, brought to rest by a fresh process: this one has no instruments, and must not hang."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from labctl.bench.journal import journal_path, left_open
from labctl.bench.station import load_station
from labctl.core.errors import LabError

RESCUE_SECONDS = 120.0
"""A bench of which every instrument hangs is given up after that."""


def rescue(home: Path, station: str) -> str | None:
    """Have a fresh process bring a bench to rest whose owner is gone; what it said, None if there was no need to."""
    try:
        name = load_station(station).name
    except LabError as error:
        return f"whether the bench of {station} is at rest cannot be told: {error}"
    if left_open(journal_path(home, name)) is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - our own module, by our own interpreter
            [sys.executable, "-m", "labctl", "safe", station, "--home", str(home)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=RESCUE_SECONDS,
            check=False,
            env={"COLUMNS": "400", **os.environ},
        )
    except subprocess.TimeoutExpired:
        code, said = 4, f"this took more than {RESCUE_SECONDS:g} s"
    else:
        code, said = done.returncode, (done.stdout + done.stderr).decode(errors="replace").strip()
    if code == 3:
        return f"the bench {name} was left open by a process that is gone; it has a new owner, who brings it to rest"
    if code == 0:
        return f"the bench {name} was left open by a process that is gone; a fresh one has brought it to rest"
    return (
        f"the bench {name} was left open by a process that is gone, and could not be brought to rest: its outputs MAY "
        f"BE ON. {said}"
    )
