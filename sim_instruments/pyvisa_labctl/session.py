"""A VISA session to a simulated instrument: attributes, status codes and terminations around one Connection."""

from __future__ import annotations

from typing import Any

from pyvisa import constants, rname
from pyvisa.constants import ResourceAttribute, StatusCode
from pyvisa_sim.sessions.session import Session

from labctl.core.errors import InstrumentGone, InstrumentTimeout
from labctl_sim.connection import Connection


class PanelSession:
    """What a session handle stands for; pyvisa-sim's session of the same interface keeps the attributes."""

    def __init__(self, manager: int, resource_name: str, parsed: rname.ResourceName, connection: Connection) -> None:
        kind = Session.get_session_class(parsed.interface_type_const, parsed.resource_class)
        self._face: Any = kind(manager, resource_name, parsed)
        # pyvisa-sim puts the GPIB board number into the termination character.
        self._face.attrs[ResourceAttribute.termchar] = ord("\n")
        self.connection = connection
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
