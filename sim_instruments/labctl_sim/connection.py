"""One open session with a simulated instrument, as IEEE 488.2 exchanges messages: its output queue, waits, faults.

It knows no transport. A VISA session or a socket server holds one and translates; errors are those of core/errors.
"""

from __future__ import annotations

from collections.abc import Callable

from labctl.core.errors import InstrumentGone, InstrumentTimeout
from labctl_sim.device import REQUESTS, SimDevice
from labctl_sim.faults import WRONG_IDENTITY, Fault

# How often a waiting reader looks again while the virtual clock runs towards its timeout, and at events in between.
LOOKS = 20
MOST_LOOKS = 10_000
LOOK_SECONDS = 1e-3  # how long a waiting reader sleeps where time is the room's
FOR_EVER_SECONDS = 3600.0
# Who polls in virtual time waits for something, though no time passes for him: the clock goes on by this much at the
# second poll, by twice as much at the third, and so on.
POLL_SECONDS = 1e-3
LONGEST_POLL_SECONDS = 1.0
SERIAL_POLL = b""
LONGEST_QUESTION = 256


class Connection:
    """Whole messages in, responses out. Timeouts are seconds of the world's clock if that is virtual, else of the
    room's.

    ``on_request`` is called, with the bench's lock held, when the instrument begins to request service.
    """

    def __init__(self, device: SimDevice) -> None:
        self.device = device
        self.on_request: Callable[[], None] | None = None
        self.requests = 0  # times that service was requested, for whoever waits for it
        self.undelivered = False  # a server has sent a response, and the client has not read it yet
        self.byte = 0  # the status byte when we last looked
        self._opened_after = device.lost_connections
        self._output = b""
        self._at = 0
        self._ready_at = 0.0
        self._drops = False
        self._hung = False
        self._message = b""
        self._faults: list[Fault] = []
        self._falls = 0
        self._asked: set[bytes] = set()  # since the last message that was no question
        self._asked_at = -1.0
        self._polls = 0
        self._summary = False  # the instrument had a reason for service when we last looked,
        self.requested = False  # and nobody has polled since it began
        with device.lock:
            device.connections.append(self)
            self.look()

    def close(self) -> None:
        """The session ends: its locks and what it waits for are given up."""
        with self.device.lock:
            self.device.access.leave(self)
            if self in self.device.connections:
                self.device.connections.remove(self)

    @property
    def available(self) -> int:
        """Bytes that can be read without waiting."""
        return len(self._output) - self._at if self._ready_at <= self.device.pace.now() else 0

    @property
    def held(self) -> bool:
        """True while there is a response that its time has not come for."""
        return len(self._output) > self._at and not self.available

    @property
    def expecting(self) -> bool:
        """True while a reply may still come by itself."""
        if self._hung:
            return False
        if len(self._output) > self._at or self.device.expected(self, self._message):
            return True
        return self.on_request is not None and self.device.will_request

    def write(self, message: bytes) -> None:
        """Send one whole program message.

        Raises InstrumentGone when the instrument has vanished.
        """
        device = self.device
        with device.lock:
            self._check()
            device.pace.catch_up()
            self._faults = device.world.faults.message(device.role)
            kinds = [fault.kind for fault in self._faults] if self._faults else ()
            for fault in self._faults:
                device.suffer(fault)
            if "vanish" in kinds:
                device.lost_connections += 1
            self._check()
            self._hung = "hang" in kinds or "timeout" in kinds or device.world.now() < device.deaf_until
            if self._hung or "reboot" in kinds:
                return
            if len(self._output) > self._at:
                device.interrupted(self)
            if b"?" in message or b"print" in message:
                self._polled(message)
            else:
                self._asked.clear()
            self._message = message
            self._take(device.handle(self, message))
            device.changed()

    def read(self, count: int, stop: int | None, timeout_seconds: float | None) -> tuple[bytes, str]:
        """Up to ``count`` bytes, up to and including the byte ``stop``; and why it ended: "end", "stop" or "count".

        Raises InstrumentTimeout, after the clock has advanced by the timeout, if there is nothing to read.
        """
        self._await(FOR_EVER_SECONDS if timeout_seconds is None else timeout_seconds, lambda: self.available > 0)
        with self.device.lock:
            if not self.available:
                if not self._hung:
                    self.device.unterminated(self)
                    self.device.changed()
                raise InstrumentTimeout(
                    f"the simulated {self.device.role} did not answer within {timeout_seconds:g} s of its own time"
                )
            end = len(self._output)
            last = min(self._at + count, end)
            found = -1 if stop is None else self._output.find(stop, self._at, last)
            if found >= 0:
                last = found + 1
            if self._drops and last == end:
                self._drop()
            whole = not self._at and last == end
            data, self._at = self._output if whole else self._output[self._at : last], last
            if last == end:
                self._forget_output()
                self.device.changed()
                return data, "end"
            return data, "stop" if found >= 0 else "count"

    def collect(self) -> bytes | None:
        """The whole response, if it is there now; for servers, which send it by themselves.

        Raises InstrumentGone if the connection is lost, with the part that was sent before that as ``args[1]``.
        """
        with self.device.lock:
            self._check()
            self.device.pace.catch_up()
            self._poll()
            if not self.available:
                self.device.changed()  # time has passed, and may have brought a reason for service
                return None
            data, drops = self._output, self._drops
            self._forget_output()
            if drops:
                self.device.lost_connections += 1
                raise InstrumentGone(f"the connection to the simulated {self.device.role} is lost", data)
            self.device.changed()
            return data

    def pass_time(self, seconds: float) -> None:
        """For servers: someone waits. Virtual time goes on to the next event, or by ``seconds`` if there is none."""
        with self.device.lock:
            world = self.device.world
            due = world.next_event()
            now = world.now()
            target = now + seconds
            if self._ready_at > now:
                target = self._ready_at
            elif due is not None:
                target = min(now + LONGEST_POLL_SECONDS, max(due, now))
            world.sleep(target - now)
            self.device.changed()

    def discard(self) -> None:
        """Throw away what has not been read."""
        with self.device.lock:
            self._forget_output()
            self.device.changed()

    def forget(self) -> None:
        """The instrument has been off: there is nothing to read, and nothing to wait for."""
        self._forget_output()
        self._message, self._hung = b"", False

    def clear(self) -> None:
        """Device clear."""
        with self.device.lock:
            self._check()
            self.device.pace.catch_up()
            self.forget()
            self.device.clear(self)
            self.device.changed()

    def interrupt(self) -> None:
        """A new message came before the last response was read, as the transport noticed (HiSLIP does)."""
        with self.device.lock:
            self.device.interrupted(self)

    def trigger(self) -> None:
        """Group execute trigger."""
        with self.device.lock:
            self._check()
            self.device.pace.catch_up()
            self.device.trigger(self)
            self.device.changed()

    def status_byte(self) -> int:
        """Serial poll: bit 6 is set once per request for service, ``*STB?`` has it as long as there is a reason."""
        with self.device.lock:
            self._check()
            self.device.pace.catch_up()
            self._polled(SERIAL_POLL)
            self._poll()
            byte = self.look()
            requested, self.requested = self.requested, False
            return byte & ~REQUESTS | REQUESTS * requested

    def await_request(self, timeout_seconds: float) -> bool:
        """Wait for one of ``requests`` and take it away; False if none came in time."""

        def there() -> bool:
            self.look()
            if not self.requests:
                return False
            self.requests -= 1
            return True

        return self._await(timeout_seconds, there)

    def look(self) -> int:
        """See whether the instrument has begun to request service; the status byte. The caller holds the lock."""
        byte = self.byte = self.device.status_byte(self.undelivered or self.available > 0)
        before, summary = self._summary, bool(byte & REQUESTS)
        self._summary = summary  # first: whoever is called may look again
        falls, self._falls = self._falls, self.device.falls
        if summary and (not before or falls != self._falls):
            self.requested = True
            self.requests += 1
            if self.on_request is not None:
                self.on_request()
        if not summary:
            self.requested = False
        return byte

    # -- waiting

    def _polled(self, question: bytes) -> None:
        """The same question again, nothing done in between, while something is under way: let virtual time pass."""
        world = self.device.world
        if question in self._asked and world.now() == self._asked_at and self.device.pace.virtual:
            if world.next_event() is not None:
                world.sleep(min(POLL_SECONDS * 2.0**self._polls, LONGEST_POLL_SECONDS))
                self._polls = min(self._polls + 1, 20)
        else:
            self._polls = 0
            if len(question) <= LONGEST_QUESTION:
                self._asked.add(question)
        self._asked_at = world.now()

    def _await(self, seconds: float, there: Callable[[], bool]) -> bool:
        """Let time pass until ``there``, at most ``seconds``; virtual time at once, the room's by waiting."""
        device, pace = self.device, self.device.pace
        with device.lock:
            self._check()
            pace.catch_up()
            self._poll()
            if there():
                return True
            if pace.virtual:
                return self._await_virtually(seconds, there)
        deadline = pace.room.now() + seconds
        while (left := deadline - pace.room.now()) > 0:
            pace.room.sleep(min(LOOK_SECONDS, left))
            with device.lock:
                self._check()
                pace.catch_up()
                self._poll()
                if there():
                    return True
        return False

    def _await_virtually(self, seconds: float, there: Callable[[], bool]) -> bool:
        world = self.device.world
        deadline = world.now() + seconds
        for look in range(MOST_LOOKS):
            now = world.now()
            step = deadline - now if look == MOST_LOOKS - 1 else min(deadline - now, seconds / LOOKS)
            due = world.next_event()
            if due is not None:
                step = min(step, max(due - now, 0.0))
            if now < self._ready_at:
                step = min(deadline, self._ready_at) - now
            world.sleep(step)
            self._poll()
            if there():
                return True
            if world.now() >= deadline * (1 - 1e-15):
                break
        return False

    # -- the output queue

    def _poll(self) -> None:
        if self._at >= len(self._output) and not self._hung:
            reply = self.device.poll(self)
            if reply is not None:
                self._take(reply)
                self.device.changed()

    def _take(self, reply: bytes | None) -> None:
        """A response (or none) comes out of the panel; faults of the link meet it here."""
        device = self.device
        self._at, self._drops, self._ready_at = 0, False, device.busy_until
        if reply is not None and self._faults:
            for fault in self._faults:
                reply = self._spoilt(reply, fault)
            self._faults = []
        self._output = reply or b""

    def _spoilt(self, reply: bytes, fault: Fault) -> bytes:
        if fault.kind == "slow":
            self._ready_at = max(self._ready_at, self.device.world.now() + fault.delay_seconds)
        elif fault.kind == "garble":
            return self.device.world.faults.garble(reply)
        elif fault.kind == "identity" and b"*IDN?" in self._message.upper():
            return (fault.detail or WRONG_IDENTITY).encode() + b"\n"
        elif fault.kind in ("truncate", "drop"):
            self._drops = fault.kind == "drop"
            return reply[: max(len(reply) // 2, 1)]
        return reply

    def _forget_output(self) -> None:
        self._output, self._at, self._drops, self._faults = b"", 0, False, []

    def _drop(self) -> None:
        self.device.lost_connections += 1
        self._check()

    def _check(self) -> None:
        if self._opened_after != self.device.lost_connections:
            raise InstrumentGone(
                f"the connection to the simulated {self.device.role} is lost; close it and open it again"
            )
