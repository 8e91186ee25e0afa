"""Who may use an instrument now: the exclusive and shared locks of VISA and of HiSLIP, counted per session."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from threading import Condition
from weakref import WeakSet

FOR_EVER_SECONDS = 3600.0 * 24


class Access:
    """The locks on one instrument. Owners are sessions, compared by identity. Waiting is in the room's time."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._numbers = itertools.count(1)
        self._exclusive: object | None = None
        self._times = 0
        self._shared: dict[int, int] = {}  # id of the owner: how often
        self._key = ""
        self._dismissed: WeakSet[object] = WeakSet()

    def permits(self, owner: object) -> bool:
        """True if ``owner`` may talk to the instrument."""
        if self._exclusive is not None:
            return self._exclusive is owner
        return not self._shared or id(owner) in self._shared

    def has_exclusive(self, owner: object) -> bool:
        """True if ``owner`` holds the exclusive lock."""
        return self._exclusive is owner

    def lock(self, owner: object, timeout_seconds: float) -> bool:
        """Take the exclusive lock, once more if ``owner`` has it; False if it could not be had in time."""

        def free() -> bool:
            if self._exclusive is None and (not self._shared or id(owner) in self._shared):
                self._exclusive, self._times = owner, 1
                return True
            if self._exclusive is owner:
                self._times += 1
                return True
            return False

        with self._changed:
            return self._wait(owner, free, timeout_seconds)

    def share(self, owner: object, key: str | None, timeout_seconds: float) -> str | None:
        """Take the shared lock of ``key``, or of a new key; the key, or None if it could not be had in time."""

        def free() -> bool:
            if self._exclusive not in (None, owner) or (self._shared and key != self._key):
                return False
            if not self._shared:
                self._key = key or f"labctl-{next(self._numbers)}"
            self._shared[id(owner)] = self._shared.get(id(owner), 0) + 1
            return True

        with self._changed:
            return self._key if self._wait(owner, free, timeout_seconds) else None

    def unlock(self, owner: object) -> bool:
        """Give back one lock, the exclusive one first; False if ``owner`` has none."""
        with self._changed:
            if self._exclusive is owner:
                self._times -= 1
                if not self._times:
                    self._exclusive = None
            elif id(owner) in self._shared:
                self._shared[id(owner)] -= 1
                if not self._shared[id(owner)]:
                    del self._shared[id(owner)]
            else:
                return False
            self._changed.notify_all()
            return True

    def leave(self, owner: object) -> None:
        """Give back all of them, when a session ends."""
        while self.unlock(owner):
            pass

    def wait(self, owner: object, timeout_seconds: float = FOR_EVER_SECONDS) -> bool:
        """Wait until ``owner`` may talk to the instrument; False if that was in vain."""
        if self.permits(owner):
            return True
        with self._changed:
            return self._wait(owner, lambda: self.permits(owner), timeout_seconds)

    def dismiss(self, owner: object) -> None:
        """``owner`` ends: it waits no more, now and in future."""
        with self._changed:
            self._dismissed.add(owner)
            self._changed.notify_all()

    def dismissed(self, owner: object) -> bool:
        """True if ``owner`` was told to end."""
        return owner in self._dismissed

    def _wait(self, owner: object, there: Callable[[], bool], seconds: float) -> bool:
        came = False

        def over() -> bool:
            nonlocal came
            came = owner not in self._dismissed and there()
            return came or owner in self._dismissed

        self._changed.wait_for(over, seconds)
        return came

    @property
    def holders(self) -> tuple[bool, int]:
        """Whether the exclusive lock is taken, and how many sessions hold any lock."""
        others = len(self._shared) + (self._exclusive is not None and id(self._exclusive) not in self._shared)
        return self._exclusive is not None, others
