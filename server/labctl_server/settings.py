"""What can be set about the service; given once, to ``create_app``."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """``home`` holds the bits and artifacts, and the database too unless ``database_url`` names another.

    An agent that is not heard of for ``lease_seconds`` has lost its job; this is looked after every ``reap_seconds``.
    A request may wait ``max_wait_seconds`` for something to happen, and looks by itself every ``poll_seconds``.
    ``hosts`` are the names by which the service may be called (see guard.py). With ``keys_required`` every caller needs
    a key of the ledger; ``own_agents_key`` is one more, for agents that were started together with the service.
    A request may bring ``most_bytes``, one of an agent ``most_agent_bytes``, and is given up when nothing of it comes
    for ``body_seconds``. Whoever has a key may ask ``requests_per_minute`` times; agents as often as they have to.
    """

    home: Path
    database_url: str | None = None
    lease_seconds: float = 15.0
    reap_seconds: float = 1.0
    max_wait_seconds: float = 60.0
    poll_seconds: float = 1.0
    threads: int = 200
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "::1")
    keys_required: bool = False
    most_bytes: int = 16 << 20
    most_agent_bytes: int = 256 << 20
    body_seconds: float = 30.0
    requests_per_minute: int = 6000
    own_agents_key: str | None = field(default=None, repr=False)
