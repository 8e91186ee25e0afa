"""A VISA session to a simulated instrument: attributes, status codes and terminations around one Connection."""

from __future__ import annotations

from typing import Any

from pyvisa import constants, rname
from pyvisa.constants import ResourceAttribute, StatusCode
from pyvisa_sim.sessions.session import Session

from labctl.core.errors import InstrumentGone, InstrumentTimeout
from labctl_sim.connection import FOR_EVER_SECONDS, Connection


class PanelSession:
    """What a session handle stands for; pyvisa-sim's session of the same interface keeps the attributes."""

    def __init__(
        self, manager: int, resource_name: str, address: str, parsed: rname.ResourceName, connection: Connection
    ) -> None:
        kind = Session.get_session_class(parsed.interface_type_const, parsed.resource_class)
        self._face: Any = kind(manager, resource_name, parsed)
        # pyvisa-sim puts the GPIB board number into the termination character.
        self._face.attrs[ResourceAttribute.termchar] = ord("\n")
        self.address = address  # in the library's one spelling
        self.connection = connection
        self.waits = False  # requests for service are wanted
        self._written = bytearray()

    def read(self, count: int) -> tuple[bytes, StatusCode]:
        """viRead: up to ``count`` bytes and why it stopped there."""
        stop = self._value(ResourceAttribute.termchar) if self._value(ResourceAttribute.termchar_enabled) else None
        timeout = self._value(ResourceAttribute.timeout_value)
        seconds = None if timeout == constants.VI_TMO_INFINITE else timeout / 1000
        try:
            data, reason = self.connection.read(count, stop, seconds)
        except InstrumentTimeout:
            return b"", StatusCode.error_timeout
        except InstrumentGone:
            return b"", StatusCode.error_connection_lost
        if reason == "end":
            return data, StatusCode.success
        return (
            data,
            StatusCode.success_termination_character_read if reason == "stop" else StatusCode.success_max_count_read,
        )

    def write(self, data: bytes) -> tuple[int, StatusCode]:
        """viWrite: END goes with the last byte unless VI_ATTR_SEND_END_EN is off, and completes a message."""
        self._written += data
        if self._value(ResourceAttribute.send_end_enabled):
            message = bytes(self._written)
            self._written.clear()
            try:
                self.connection.write(message)
            except InstrumentGone:
                return 0, StatusCode.error_connection_lost
        return len(data), StatusCode.success

    def clear(self) -> StatusCode:
        """viClear."""
        self._written.clear()
        return self._guard(self.connection.clear)

    def trigger(self) -> StatusCode:
        """viAssertTrigger."""
        return self._guard(self.connection.trigger)

    def status_byte(self) -> tuple[int, StatusCode]:
        """viReadSTB."""
        try:
            return self.connection.status_byte(), StatusCode.success
        except InstrumentGone:
            return 0, StatusCode.error_connection_lost

    def lock(self, seconds: float) -> StatusCode:
        """viLock, exclusive."""
        got = self.connection.device.access.lock(self.connection, seconds)
        return StatusCode.success if got else _refused(seconds)

    def share(self, key: str | None, seconds: float) -> tuple[str, StatusCode]:
        """viLock, shared: the key to give to others."""
        got = self.connection.device.access.share(self.connection, key, seconds)
        return got or "", _refused(seconds) if got is None else StatusCode.success

    def enable_requests(self) -> None:
        """viEnableEvent: a request that nobody has polled yet counts, because the bus line is still down."""
        if not self.waits:
            self.waits = True
            self.connection.requests = int(self.connection.requested)

    def await_request(self, timeout: int) -> StatusCode:
        """viWaitOnEvent."""
        if not self.waits:
            return StatusCode.error_not_enabled
        seconds = FOR_EVER_SECONDS if timeout == constants.VI_TMO_INFINITE else int(timeout) / 1000
        try:
            if not self.connection.await_request(seconds):
                return StatusCode.error_timeout
        except InstrumentGone:
            return StatusCode.error_connection_lost
        return StatusCode.success

    def reconnect(self, connection: Connection) -> None:
        """Go on with another connection to the same address."""
        self.connection = connection
        self._written.clear()
        if self.waits:
            self.waits = False
            self.enable_requests()

    def get_attribute(self, attribute: ResourceAttribute) -> tuple[Any, StatusCode]:
        """viGetAttribute."""
        value, status = self._face.get_attribute(attribute)
        return value, status

    def set_attribute(self, attribute: ResourceAttribute, state: Any) -> StatusCode:
        """viSetAttribute."""
        status: StatusCode = self._face.set_attribute(attribute, state)
        return status

    def _guard(self, action: Any) -> StatusCode:
        try:
            action()
        except InstrumentGone:
            return StatusCode.error_connection_lost
        return StatusCode.success

    def _value(self, attribute: ResourceAttribute) -> Any:
        return self._face.get_attribute(attribute)[0]


def _refused(seconds: float) -> StatusCode:
    """VPP-4.3 viLock: at once because it is locked, or because it was still locked after the timeout."""
    return StatusCode.error_timeout if seconds else StatusCode.error_resource_locked
