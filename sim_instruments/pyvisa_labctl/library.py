"""The VISA library: pyvisa-sim's, with simulated benches beside its YAML devices.

What it adds is what pyvisa-sim lacks: output buffers per session, whole-message reads, device clear, serial poll,
requests for service, trigger, locks, reset, and timeouts that cost virtual time only. Its touch points on pyvisa-sim
are the overridden methods here and the attribute tables in session.py.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from pyvisa import constants, rname
from pyvisa.constants import AccessModes, EventMechanism, EventType, StatusCode
from pyvisa.util import LibraryPath
from pyvisa_sim import parser
from pyvisa_sim.devices import Devices
from pyvisa_sim.highlevel import SimVisaLibrary

from labctl.core.errors import StationError
from labctl_sim import station
from labctl_sim.bench import SimBench, open_bench
from labctl_sim.faults import Faults
from labctl_sim.pace import Pace
from labctl_sim.world import World
from pyvisa_labctl.session import Handler, PanelSession

logger = logging.getLogger(__name__)

SIMULATED = "sim:"
YAML = (".yaml", ".yml")


class LabctlLibrary(SimVisaLibrary):  # type: ignore[misc]  # pyvisa-sim has no types
    """One library object per specification, shared by all resource managers on it, until the last is closed."""

    @staticmethod
    def get_library_paths() -> tuple[LibraryPath]:
        """What ``"@labctl"`` alone means."""
        return (LibraryPath("sim:demo"),)

    def _init(self) -> None:
        """PyVISA's hook for setting a library up."""
        self._bench: SimBench | None = None
        if str(self.library_path).endswith(YAML):
            super()._init()
            return
        self.sessions: dict[int, Any] = {}
        self._power_on()

    def _power_on(self) -> None:
        path = str(self.library_path)
        if not path.startswith(SIMULATED):
            raise StationError(
                f"the VISA library {path + '@labctl'!r} means nothing here; known are 'sim:<station name>@labctl', "
                "'sim:<path of a station file>.toml@labctl' and '<path of a pyvisa-sim file>.yaml@labctl'"
            )
        self._bench = open_bench(station.find(path.removeprefix(SIMULATED)), _spell)
        beside = self._bench.plan.pyvisa_sim
        self.devices = _yaml_devices(beside) if beside else Devices()

    def reset(self) -> None:
        """A new world, as after opening: every instrument has just been switched on; open sessions go on with it."""
        if self._bench is not None:
            self._power_on()
        elif str(self.library_path).endswith(YAML):
            self.devices = parser.get_devices(self.library_path, False)
        for session in self.sessions.values():
            if isinstance(session, PanelSession) and self._bench is not None:
                session.reconnect(self._bench.connect(session.address))
            elif session is not self:
                name, _ = session.get_attribute(constants.ResourceAttribute.resource_name)
                session.device = self.devices[name]

    @property
    def world(self) -> World:
        """The world behind this library: its array, relays and clock, for tests and the curious."""
        return self._opened.world

    @property
    def clock(self) -> Pace:
        """The world's clock, a labctl.core.clock.Clock: give it to whoever waits.

        Without a simulated bench there is no such attribute: plain pyvisa-sim devices live in the time of the room.
        """
        if self._bench is None:
            raise AttributeError("clock")
        return self._bench.clock

    @property
    def provenance(self) -> dict[str, Any]:
        """What stands behind the instruments, plain values: which junctions, and what computes them.

        Without a simulated bench there is no such attribute.
        """
        if self._bench is None:
            raise AttributeError("provenance")
        return self._bench.provenance

    @property
    def faults(self) -> Faults:
        """What is to go wrong: ``faults.inject("smu", "garble", after_messages=3)``, ``faults.clear()``."""
        return self._opened.faults

    @property
    def _opened(self) -> SimBench:
        if self._bench is None:
            raise StationError(
                f"there is no simulated world behind {self.library_path!s}: it holds plain pyvisa-sim devices, "
                "or its last resource manager was closed; open a ResourceManager first"
            )
        return self._bench

    def open_default_resource_manager(self) -> Any:
        """A world that was closed is gone; the next manager gets a new one."""
        if self._bench is None and str(self.library_path).startswith(SIMULATED):
            self._power_on()
        session, status = super().open_default_resource_manager()
        return session, self.handle_return_value(session, status)

    def list_resources(self, session: int, query: str = "?*::INSTR") -> Any:
        """Addresses of the bench's instruments, and of YAML devices; an empty bench has none, which is no error."""
        devices = [] if self._bench is None else [device.address for device in self._bench.devices.values()]
        found: tuple[str, ...] = rname.filter([*devices, *self.devices.list_resources()], query)
        return found

    def open(
        self,
        session: Any,
        resource_name: str,
        access_mode: AccessModes = AccessModes.no_lock,
        open_timeout: Any = constants.VI_TMO_IMMEDIATE,
    ) -> Any:
        """A session to a simulated instrument."""
        try:
            parsed = rname.parse_resource_name(resource_name)
        except rname.InvalidResourceName:
            self.handle_return_value(session, StatusCode.error_invalid_resource_name)
        address = _spell(resource_name)
        if self._bench is None or address not in self._bench.devices:
            handle, status = super().open(session, resource_name, access_mode, open_timeout)
            return handle, self.handle_return_value(session, status)
        connection = self._bench.connect(address)
        opened = PanelSession(session, resource_name, address, parsed, connection)
        seconds = int(open_timeout) / 1000
        if access_mode == AccessModes.exclusive_lock:
            status = opened.lock(seconds)
        elif access_mode == AccessModes.shared_lock:
            status = opened.share(None, seconds)[1]
        else:
            status = StatusCode.success
            if connection.device.access.holders[0]:
                status = StatusCode.error_resource_locked
        if status < 0:
            connection.close()
            self.handle_return_value(session, status)
        handle = self._register(opened)
        return handle, self.handle_return_value(handle, StatusCode.success)

    def close(self, session: Any) -> Any:
        """Closes a session and its locks; with the resource manager's own, the world ends."""
        found = self.sessions.get(session)
        if found is self:
            self._bench = None
        elif isinstance(found, PanelSession):
            found.close()
        return super().close(session)

    def read(self, session: Any, count: int) -> Any:
        """Whole messages at once, in pieces of ``count``."""
        panel = self._panel(session)
        if panel is None:
            return super().read(session, count)
        data, status = panel.read(count)
        return data, self.handle_return_value(session, status)

    def write(self, session: Any, data: bytes) -> Any:
        """One program message, unless END is suppressed."""
        panel = self._panel(session)
        if panel is None:
            return super().write(session, data)
        count, status = panel.write(data)
        return count, self.handle_return_value(session, status)

    def clear(self, session: Any) -> Any:
        """Device clear."""
        panel = self._panel(session)
        return self.handle_return_value(session, panel.clear() if panel else StatusCode.error_nonsupported_operation)

    def flush(self, session: Any, mask: Any) -> Any:
        """Discard what has not been read; formatted I/O buffers do not exist here."""
        panel = self._panel(session)
        if panel is not None:
            panel.connection.discard()
        return self.handle_return_value(session, StatusCode.success)

    def read_stb(self, session: Any) -> Any:
        """Serial poll."""
        panel = self._panel(session)
        value, status = panel.status_byte() if panel else (0, StatusCode.error_nonsupported_operation)
        return value, self.handle_return_value(session, status)

    def assert_trigger(self, session: Any, protocol: Any) -> Any:
        """Group execute trigger."""
        panel = self._panel(session)
        return self.handle_return_value(session, panel.trigger() if panel else StatusCode.error_nonsupported_operation)

    def gpib_control_ren(self, session: Any, mode: Any) -> Any:
        """Remote or local makes no difference: nobody turns a knob here except by the fault ``front_panel``."""
        status = StatusCode.success if self._panel(session) else StatusCode.error_nonsupported_operation
        return self.handle_return_value(session, status)

    def lock(self, session: Any, lock_type: Any, timeout: Any, requested_key: Any = None) -> Any:
        """An exclusive lock keeps every other session of this library out, a shared one those without its key."""
        panel = self._panel(session, ignore_lock=True)
        if panel is None:
            self.handle_return_value(session, StatusCode.error_nonsupported_operation)
            raise AssertionError  # an error code always raises
        if lock_type == constants.Lock.exclusive:
            return "", self.handle_return_value(session, panel.lock(int(timeout) / 1000))
        key, status = panel.share(requested_key, int(timeout) / 1000)
        return key, self.handle_return_value(session, status)

    def unlock(self, session: Any) -> Any:
        """Give the lock back."""
        panel = self._panel(session, ignore_lock=True)
        given = panel is not None and panel.connection.device.access.unlock(panel.connection)
        return self.handle_return_value(session, StatusCode.success if given else StatusCode.error_session_not_locked)

    def install_handler(self, session: Any, event_type: Any, handler: Handler, user_handle: Any) -> Any:
        """A function to call when service is requested: (session, event type, context, user handle)."""
        panel = self._panel(session, ignore_lock=True)
        if panel is None or event_type != EventType.service_request:
            self.handle_return_value(session, StatusCode.error_invalid_event)
            raise AssertionError  # an error code always raises
        panel.handlers.append((handler, user_handle))
        return handler, user_handle, handler, self.handle_return_value(session, StatusCode.success)

    def uninstall_handler(self, session: Any, event_type: Any, handler: Handler, user_handle: Any = None) -> Any:
        """Call it no more."""
        panel = self._panel(session, ignore_lock=True)
        if panel is None or (handler, user_handle) not in panel.handlers:
            return self.handle_return_value(session, StatusCode.error_invalid_handler_reference)
        panel.handlers.remove((handler, user_handle))
        if not panel.handlers:
            panel.call_no_more()
        return self.handle_return_value(session, StatusCode.success)

    def enable_event(self, session: Any, event_type: Any, mechanism: Any, context: Any = None) -> Any:
        """Requests for service are queued, handed to the handlers, or kept for them; there are no other events."""
        panel = self._panel(session, ignore_lock=True)
        if panel is None or event_type not in (EventType.service_request, EventType.all_enabled):
            return self.handle_return_value(session, StatusCode.error_invalid_event)
        calls = int(mechanism) & (EventMechanism.handler | EventMechanism.suspend_handler)
        if calls:
            suspended = not calls & EventMechanism.handler
            status = panel.call_back(lambda: self._call_handlers(session), suspended=suspended)
            if status < 0:
                return self.handle_return_value(session, status)
        if int(mechanism) & EventMechanism.queue:
            panel.enable_requests()
        return self.handle_return_value(session, StatusCode.success)

    def _call_handlers(self, session: Any) -> None:
        """The one that was installed last is called first (VPP-4.3 3.7.2.1); what one does wrong stops no other."""
        panel = self.sessions.get(session)
        for handler, user_handle in reversed(panel.handlers if isinstance(panel, PanelSession) else []):
            try:
                handler(session, EventType.service_request, None, user_handle)
            except Exception:
                logger.exception("the handler %r of a request for service failed", handler)

    def disable_event(self, session: Any, event_type: Any, mechanism: Any) -> Any:
        """Stop queueing requests for service, and calling back."""
        panel = self._panel(session, ignore_lock=True)
        if panel is not None:
            if int(mechanism) & EventMechanism.queue:
                panel.waits = False
            if int(mechanism) & (EventMechanism.handler | EventMechanism.suspend_handler):
                panel.call_no_more()
        return self.handle_return_value(session, StatusCode.success)

    def discard_events(self, session: Any, event_type: Any, mechanism: Any) -> Any:
        """Forget the requests for service that nobody waited for."""
        panel = self._panel(session, ignore_lock=True)
        if panel is not None:
            panel.discard_requests(int(mechanism))
        return self.handle_return_value(session, StatusCode.success)

    def wait_on_event(self, session: Any, in_event_type: Any, timeout: Any) -> Any:
        """Wait for the next request for service."""
        panel = self._panel(session, ignore_lock=True)
        status = panel.await_request(timeout) if panel else StatusCode.error_nonsupported_operation
        return EventType.service_request, None, self.handle_return_value(session, status)

    def _panel(self, session: Any, *, ignore_lock: bool = False) -> PanelSession | None:
        """The session if it is one of ours; an error if another session holds the instrument's lock."""
        found = self.sessions.get(session)
        if not isinstance(found, PanelSession):
            return None
        if not ignore_lock and not found.connection.device.access.permits(found.connection):
            self.handle_return_value(session, StatusCode.error_resource_locked)
        return found


def _yaml_devices(path: Path) -> Devices:
    try:
        return parser.get_devices(str(path), False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StationError(
            f"pyvisa_sim = {str(path)!r} in the station's [simulation] cannot be read by pyvisa-sim: {error}"
        ) from error


def _spell(address: str) -> str:
    """VISA addresses ignore case and may leave parts out: one spelling for all."""
    try:
        return str(rname.parse_resource_name(address)).upper()
    except rname.InvalidResourceName as error:
        raise StationError(f"{address!r} is not a VISA address: {error}") from error
