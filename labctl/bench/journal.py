"""The bench's journal: what it is about to do is on disk before it is done, so that a crash leaves a trace."""

from __future__ import annotations

import json
import os
from pathlib import Path

from labctl.core.clock import Clock
from labctl.core.procedure import Scalar


class Journal:
    """JSON lines, one per event, each flushed to the disk before `write` returns."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock

    def write(self, event: str, /, **details: Scalar) -> None:
        """Append ``{"event": event, "clock_seconds": 12.5, **details}``."""
        line = json.dumps({"event": event, "clock_seconds": self.clock.now(), **details})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def read_journal(path: Path) -> list[dict[str, Scalar]]:
    """Every whole line of a journal; a last line torn by a crash is left out. Empty if there is no journal."""
    if not path.exists():
        return []
    events: list[dict[str, Scalar]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return events
