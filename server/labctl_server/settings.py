"""What can be set about the service; given once, to ``create_app``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """``home`` holds the bits and artifacts, and the database too unless ``database_url`` names another.

    An agent that is not heard of for ``lease_seconds`` has lost its job; this is looked after every ``reap_seconds``.
    A request may wait ``max_wait_seconds`` for something to happen, and looks by itself every ``poll_seconds``.
    ``hosts`` are the names by which the service may be called (see guard.py).
    """

    home: Path
    database_url: str | None = None
    lease_seconds: float = 15.0
    reap_seconds: float = 1.0
    max_wait_seconds: float = 60.0
    poll_seconds: float = 1.0
    threads: int = 200
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "::1")
