"""One open session with a simulated instrument, as IEEE 488.2 exchanges messages: its output queue, waits, faults.

It knows no transport. A VISA session or a socket server holds one and translates; errors are those of core/errors.
"""

from __future__ import annotations

from labctl.core.errors import InstrumentGone, InstrumentTimeout
from labctl_sim.deadline import Deadline
from labctl_sim.device import SimDevice
from labctl_sim.polling import Polling
from labctl_sim.response import Response
from labctl_sim.service_request import ServiceRequest

FOR_EVER_SECONDS = 3600.0
LONGEST_STEP_SECONDS = 1.0  # of virtual time, for a server
LONGEST_MESSAGE = 1_000_000  # of an instrument that does not say
SERIAL_POLL = b""


class Connection:
    """Whole messages in, responses out. Timeouts are seconds of the world's clock if that is virtual, else of the
    room's.
    """

    def __init__(self, device: SimDevice) -> None:
        self.device = device
        self.service = ServiceRequest(device)
        self.undelivered = False  # a server has sent a response, and the client has not read it yet
        self._opened_after = device.lost_connections
        self._response = Response(device)
        self._polling = Polling(device.pace)
        self._deadline = Deadline(device, self._wait_on, lambda: self._response.ready_at)
        self._hung = False
        self._message = b""
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
    def longest_message(self) -> int:
        """Bytes that the instrument takes in one message. Of a longer one, one byte more is enough to tell it so."""
        return int(getattr(self.device.panel, "longest_message", LONGEST_MESSAGE))

    @property
    def held(self) -> bool:
        """True while there is a response that its time has not come for."""
        return self._response.held

    @property
    def expecting(self) -> bool:
        """True while a reply may still come by itself."""
        if self._hung:
            return False
        if self._response.pending or self.device.expected(self, self._message):
            return True
        return self.service.on_request is not None and self.device.will_request

    def write(self, message: bytes) -> None:
        """Send one whole program message.

        Raises InstrumentGone when the instrument has vanished.
        """
        device = self.device
        with device.lock:
            self._check()
            device.pace.catch_up()
            faults = device.world.faults.message(device.role)
            self._response.meets(faults)
            kinds = [fault.kind for fault in faults]
            for fault in faults:
                device.suffer(fault)
            if "vanish" in kinds:
                device.lost_connections += 1
            self._check()
            self._hung = "hang" in kinds or "timeout" in kinds or device.pace.now() < device.deaf_until
            if self._hung or "reboot" in kinds:
                return
            if self._response.pending:
                device.interrupted(self)
            if b"?" in message or b"print" in message:
                self._polling.asked(message)
            else:
                self._polling.acted()
            self._message = message
            self._response.put(device.handle(self, message), message)
            device.changed()

    def read(self, count: int, stop: int | None, timeout_seconds: float | None) -> tuple[bytes, str]:
        """Up to ``count`` bytes, up to and including the byte ``stop``; and why it ended: "end", "stop" or "count".

        Raises InstrumentTimeout, after the clock has advanced by the timeout, if there is nothing to read.
        """
        response = self._response
        seconds = FOR_EVER_SECONDS if timeout_seconds is None else timeout_seconds
        self._deadline.wait(seconds, lambda: response.available > 0)
        with self.device.lock:
            if not response.available:
                if not self._hung and not response.pending:  # one that is late was asked for
                    self.device.unterminated(self)
                    self.device.changed()
                raise InstrumentTimeout(
                    f"the simulated {self.device.role} did not answer within {seconds:g} s of its own time"
                )
            data, reason = response.take(count, stop)
            if not response.pending:
                if response.drops:
                    self.device.lost_connections += 1
                    self._check()
                response.forget()
                self.device.changed()
            return data, reason

    def collect(self) -> bytes | None:
        """The whole response, if it is there now; for servers, which send it by themselves.

        Raises InstrumentGone if the connection is lost, with the part that was sent before that as ``args[1]``.
        """
        with self.device.lock:
            self._check()
            self.device.pace.catch_up()
            self._poll()
            if not self._response.available:
                self.device.changed()  # time has passed, and may have brought a reason for service
                return None
            drops = self._response.drops
            data, _ = self._response.take(self._response.available, None)
            self._response.forget()
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
            if self._response.ready_at > now:
                target = self._response.ready_at
            elif due is not None:
                target = min(now + LONGEST_STEP_SECONDS, max(due, now))
            world.sleep(target - now)
            self.device.changed()

    def discard(self) -> None:
        """Throw away what has not been read."""
        with self.device.lock:
            self._response.forget()
            self.device.changed()

    def forget(self) -> None:
        """The instrument has been off: there is nothing to read, and nothing to wait for."""
        self._response.forget()
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
            self._polling.asked(SERIAL_POLL)
            self._poll()
            return self.service.polled(self.look())

    def await_request(self, timeout_seconds: float) -> bool:
        """Wait for a request for service and take it away; False if none came in time."""

        def there() -> bool:
            self.look()
            return self.service.take()

        return self._deadline.wait(timeout_seconds, there)

    def look(self) -> int:
        """See whether the instrument has begun to request service; the status byte. The caller holds the lock."""
        return self.service.look(self.undelivered or self._response.available > 0)

    def _wait_on(self) -> None:
        self._check()
        self._poll()

    def _poll(self) -> None:
        if not self._response.pending and not self._hung:
            reply = self.device.poll(self)
            if reply is not None:
                self._response.put(reply, self._message)
                self.device.changed()

    def _check(self) -> None:
        if self._opened_after != self.device.lost_connections:
            raise InstrumentGone(
                f"the connection to the simulated {self.device.role} is lost; close it and open it again"
            )
