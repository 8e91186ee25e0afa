"""Event callbacks (viInstallHandler): a thread per session that calls the handlers when service is requested.

It is a thread of its own, as in every VISA, so that a handler may talk to the instrument. Where time is virtual it
lets time pass while the instrument has something under way: whoever waits for a callback only sleeps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from threading import Event, Lock, Thread, current_thread

from labctl.core.errors import LabError
from labctl_sim.connection import Connection

LOOK_SECONDS = 1e-3  # of the room, while something is under way
REST_SECONDS = 0.02  # while nothing is
STEP_SECONDS = 0.01  # by which virtual time goes on at each look
JOIN_SECONDS = 2.0


class Callbacks:
    """Calls ``call`` once for each request for service; while ``suspended`` they wait."""

    def __init__(self, connection: Connection, call: Callable[[], None]) -> None:
        self._connection = connection
        self.call = call
        self._news = Event()
        self._over = Event()
        self._waiting: deque[None] = deque()
        self._lock = Lock()
        self.suspended = False
        with connection.device.lock:
            if connection.service.requested:  # the line is down already
                self._waiting.append(None)
            connection.service.on_request = self._request
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more calls; one that is under way comes to its end."""
        self._over.set()
        self._news.set()
        self._connection.service.on_request = None
        if self._thread is not current_thread():
            self._thread.join(JOIN_SECONDS)

    def resume(self) -> None:
        """Deliver what came while it was suspended, and what comes."""
        self.suspended = False
        self._news.set()

    def discard(self) -> None:
        """Forget what has not been delivered."""
        with self._lock:
            self._waiting.clear()

    def _request(self) -> None:
        """The bench's lock is held here: only make a note."""
        self._waiting.append(None)
        self._news.set()

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                busy = self._look()
            except LabError:  # the connection is lost: whoever talks to it next is told
                busy = False
            self._news.wait(LOOK_SECONDS if busy else REST_SECONDS)
            self._news.clear()
            while not (self._over.is_set() or self.suspended) and self._take():
                self.call()

    def _take(self) -> bool:
        with self._lock:
            if not self._waiting:
                return False
            self._waiting.popleft()
            return True

    def _look(self) -> bool:
        """See whether something has come to its end; True while something is under way."""
        connection, device = self._connection, self._connection.device
        with device.lock:
            device.pace.catch_up()
            device.changed()
            busy = device.will_request and not self._waiting
            if busy and device.pace.virtual:
                connection.pass_time(STEP_SECONDS)
        return busy
