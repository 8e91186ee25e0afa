"""Something done in a thread of its own, so that whoever asked for it need not wait for ever."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

from labctl.core.clock import WallClock


class Errand:
    """Begins at once. While it is under way nobody else may touch what it touches."""

    def __init__(self, act: Callable[[], None]) -> None:
        self._act = act
        self._error: BaseException | None = None
        self.interrupted: BaseException | None = None
        self._clock = WallClock()  # what hangs, hangs in the time of the room
        self._thread = Thread(target=self._run, daemon=True)  # one that never ends must not keep the process
        self._thread.start()

    def _run(self) -> None:
        try:
            self._act()
        except BaseException as error:  # noqa: BLE001 - it is raised again for whoever asked
            self._error = error

    def over(self, seconds: float) -> bool:
        """Wait until it has ended, at most so long; whether it has. A Ctrl-C meanwhile is kept in ``interrupted``."""
        deadline = self._clock.now() + seconds
        while self._thread.is_alive() and (left := deadline - self._clock.now()) > 0:
            try:
                self._thread.join(left)
            except BaseException as error:  # noqa: BLE001 - for whoever asked, when this is over
                self.interrupted = error
        return not self._thread.is_alive()

    def result(self) -> None:
        """Raise what it raised, if anything."""
        if self._error is not None:
            raise self._error
