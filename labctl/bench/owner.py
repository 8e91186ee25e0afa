"""A bench has one master: the lock that whoever touches its instruments holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from labctl.bench.journal import journal_path, left_open
from labctl.core.errors import IllegalTransition


@contextmanager
def owning(home: Path, bench: str) -> Iterator[Path]:
    """Be the bench's master; yields the path of its journal.

    Raises IllegalTransition if another process is.
    """
    journal = journal_path(home, bench)
    lock = FileLock(home / "agents" / f"{bench}.lock")
    Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        owner = (left_open(journal) or {}).get("pid", "not known")
        raise IllegalTransition(
            f"another process owns the bench {bench!r} (its number is {owner}), and a bench has one master. If it "
            "hangs, end it and run this again; if it does not, it brings the bench to rest by itself when it ends"
        ) from None
    with held:
        yield journal
