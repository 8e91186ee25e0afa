"""A VISA session to a simulated instrument: attributes, status codes and terminations around one Connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyvisa import constants, rname
from pyvisa.constants import ResourceAttribute, StatusCode
from pyvisa_sim.sessions.session import Session

from labctl.core.errors import InstrumentGone, InstrumentTimeout
from labctl_sim.connection import FOR_EVER_SECONDS, Connection
from pyvisa_labctl.callbacks import Callbacks

IMPLEMENTATION = 0x00100000  # 0.1, in VISA's notation
USB488, INTERRUPT_BYTES = 1, 64
Handler = Callable[[Any, Any, Any, Any], Any]  # session, event type, context, what the user wants to see


class PanelSession:
    """What a session handle stands for; pyvisa-sim's session of the same interface keeps the attributes."""

    def __init__(
        self, manager: int, resource_name: str, address: str, parsed: rname.ResourceName, connection: Connection
    ) -> None:
        kind = Session.get_session_class(parsed.interface_type_const, parsed.resource_class)
        self._face: Any = kind(manager, resource_name, parsed)
        # pyvisa-sim puts the GPIB board number into the termination character.
        self._face.attrs[ResourceAttribute.termchar] = ord("\n")
        self._face.attrs |= {  # what it leaves without a value
            ResourceAttribute.resource_impl_version: IMPLEMENTATION,
            ResourceAttribute.resource_manufacturer_name: "labctl",
            ResourceAttribute.gpib_ren_state: constants.LineState.asserted,
        }
        if isinstance(parsed, rname.USBInstr):
            self._face.attrs |= {
                ResourceAttribute.manufacturer_id: int(parsed.manufacturer_id, 0),
                ResourceAttribute.model_code: int(parsed.model_code, 0),
                ResourceAttribute.usb_protocol: USB488,
                ResourceAttribute.usb_max_interrupt_size: INTERRUPT_BYTES,
            }
        self.address = address  # in the library's one spelling
        self.connection = connection
        self.waits = False  # requests for service are queued
        self.handlers: list[tuple[Handler, Any]] = []  # of requests for service, each with what its user wants to see
        self._callbacks: Callbacks | None = None
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
            self.connection.service.times = int(self.connection.service.requested)

    def call_back(self, call: Callable[[], None], *, suspended: bool) -> StatusCode:
        """viEnableEvent for callbacks, or for keeping them until they are wanted."""
        if not self.handlers:
            return StatusCode.error_handler_not_installed
        if self._callbacks is None:
            self._callbacks = Callbacks(self.connection, call)
        if suspended:
            self._callbacks.suspended = True
        else:
            self._callbacks.resume()
        return StatusCode.success

    def call_no_more(self) -> None:
        """viDisableEvent for callbacks."""
        if self._callbacks is not None:
            self._callbacks.close()
            self._callbacks = None

    def discard_requests(self, mechanism: int) -> None:
        """viDiscardEvents."""
        if mechanism & constants.EventMechanism.queue:
            self.connection.service.times = 0
        if mechanism & constants.EventMechanism.suspend_handler and self._callbacks is not None:
            self._callbacks.discard()

    def close(self) -> None:
        """viClose."""
        self.call_no_more()
        self.connection.close()

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
        calls, self.connection = self._callbacks, connection
        self._written.clear()
        if calls is not None:
            self.call_no_more()
            self.call_back(calls.call, suspended=calls.suspended)
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
