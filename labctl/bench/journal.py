"""The bench's journal: what it is about to do is on disk before it is done, so that a crash leaves a trace.

``opened`` stands before the first message to an instrument, ``at rest`` after the last one has read back safe. A
journal whose last word is ``opened`` belongs to a process that was killed in between.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

from labctl.core.clock import Clock
from labctl.core.errors import JournalError

OPENED, AT_REST = "opened", "at rest"
MOST_BYTES = 1 << 20
"""A journal that gets longer is put aside, and the one that was put aside before is dropped."""


def journal_path(home: Path, bench: str) -> Path:
    """Where the journal of that bench lies in a home folder."""
    return home / "agents" / f"{bench}.journal.jsonl"


class Journal:
    """JSON lines, one per event, each flushed to the disk before `write` returns."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.clock = clock

    def write(self, event: str, /, **details: Any) -> None:
        """Append ``{"event": event, "clock_seconds": 12.5, **details}``; raises JournalError if that fails."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                torn = file.tell() > 0 and _last_byte(file) != b"\n"  # by a crash; it must not tear this line, too
                _add(file, torn * b"\n" + _line({"event": event, "clock_seconds": self.clock.now(), **details}))
                long = file.tell() > MOST_BYTES
            if long:
                self._put_aside()
        except OSError as error:
            raise JournalError(
                f"the journal {self.path} cannot be written ({error.strerror or error}); without it nobody would know "
                "after a crash that a source may be on. Make room on that disk, or mend its permissions"
            ) from error

    def begin(self) -> Mapping[str, Any] | None:
        """Write down that the bench is about to be opened; returns what `left_open` said before.

        Raises JournalError; nothing may be started then.
        """
        before = left_open(self.path)
        self.write(OPENED, pid=os.getpid())
        return before

    def _put_aside(self) -> None:
        """Begin a new file with the last word on whether the bench is at rest; at no moment is there none."""
        shutil.copyfile(self.path, self.path.with_suffix(".old.jsonl"))
        fresh = self.path.with_suffix(".new.jsonl")
        with fresh.open("wb") as file:
            _add(file, b"".join(map(_line, _marks(self.path)[-1:])))
        fresh.replace(self.path)


def left_open(path: Path) -> Mapping[str, Any] | None:
    """The entry ``opened`` of a bench that nobody has brought to rest since; None if it is at rest."""
    last = _marks(path)[-1:]
    return last[0] if last and last[0]["event"] == OPENED else None


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Every whole line of a journal; lines torn by a crash are left out. Empty if there is no journal."""
    if not path.exists():
        return []
    events: list[dict[str, Any]] = []
    for line in path.read_bytes().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events.append(event)
    return events


def _marks(path: Path) -> list[dict[str, Any]]:
    return [event for event in read_journal(path) if event.get("event") in (OPENED, AT_REST)]


def _line(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event).encode() + b"\n"


def _add(file: BinaryIO, data: bytes) -> None:
    file.write(data)
    file.flush()
    os.fsync(file.fileno())


def _last_byte(file: BinaryIO) -> bytes:
    file.seek(-1, os.SEEK_END)
    return file.read(1)
