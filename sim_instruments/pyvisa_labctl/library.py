"""The VISA library: pyvisa-sim's, with simulated benches beside its YAML devices.

What it adds is what pyvisa-sim lacks: output buffers per session, whole-message reads, device clear, serial poll,
trigger, exclusive locks, and timeouts that cost virtual time only. Its touch points on pyvisa-sim are the overridden
methods here and the attribute tables in session.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyvisa import constants, errors, rname
from pyvisa.constants import StatusCode
from pyvisa.util import LibraryPath
from pyvisa_sim.devices import Devices
from pyvisa_sim.highlevel import SimVisaLibrary

from labctl.core import plugins
from labctl.core.errors import StationError
from labctl_sim.bench import SimBench, open_bench
from labctl_sim.world import World
from pyvisa_labctl.session import PanelSession

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
        self._locks: dict[str, int] = {}
        path = str(self.library_path)
        if path.endswith(YAML):
            super()._init()
            return
        self.sessions: dict[int, Any] = {}
        self.devices = Devices()
        self._bench = self._open_bench()

    def _open_bench(self) -> SimBench:
        path = str(self.library_path)
        if not path.startswith(SIMULATED):
            raise StationError(
                f"the VISA library {path + '@labctl'!r} means nothing here; known are 'sim:<station name>@labctl', "
                "'sim:<path of a station file>.toml@labctl' and '<path of a pyvisa-sim file>.yaml@labctl'"
            )
        return open_bench(_station_path(path.removeprefix(SIMULATED)), _spell)

    @property
    def world(self) -> World:
        """The world behind this library: its array, relays and clock, for tests and the curious."""
        if self._bench is None:
            raise StationError(
                f"there is no simulated world behind {self.library_path!s}: it holds plain pyvisa-sim devices, "
                "or its last resource manager was closed; open a ResourceManager first"
            )
        return self._bench.world

    @property
    def clock(self) -> World:
        """The world's virtual clock, a labctl.core.clock.Clock: give it to whoever waits.

        Without a simulated bench there is no such attribute: plain pyvisa-sim devices live in the time of the room.
        """
        if self._bench is None:
            raise AttributeError("clock")
        return self.world

    def open_default_resource_manager(self) -> Any:
        """A world that was closed is gone; the next manager gets a new one."""
        if self._bench is None and str(self.library_path).startswith(SIMULATED):
            self._bench = self._open_bench()
        return super().open_default_resource_manager()

    def list_resources(self, session: int, query: str = "?*::INSTR") -> Any:
        """Addresses of the bench's instruments, and of YAML devices."""
        if self._bench is None:
            return super().list_resources(session, query)
        found = rname.filter([device.address for device in self._bench.devices.values()], query)
        if not found:
            raise errors.VisaIOError(StatusCode.error_resource_not_found)
        return found

    def open(
        self,
        session: Any,
        resource_name: str,
        access_mode: constants.AccessModes = constants.AccessModes.no_lock,
        open_timeout: Any = constants.VI_TMO_IMMEDIATE,
    ) -> Any:
        """A session to a simulated instrument."""
        if self._bench is None:
            return super().open(session, resource_name, access_mode, open_timeout)
        try:
            parsed = rname.parse_resource_name(resource_name)
        except rname.InvalidResourceName:
            self.handle_return_value(session, StatusCode.error_invalid_resource_name)
        address = _spell(resource_name)
        if address not in self._bench.devices:
            self.handle_return_value(session, StatusCode.error_resource_not_found)
        if address in self._locks:
            self.handle_return_value(session, StatusCode.error_resource_locked)
        handle: int = self._register(PanelSession(session, resource_name, parsed, self._bench.connect(address)))
        if access_mode == constants.AccessModes.exclusive_lock:
            self._locks[address] = handle
        return handle, self.handle_return_value(handle, StatusCode.success)

    def close(self, session: Any) -> Any:
        """Closes a session and its lock; with the resource manager's own, the world ends."""
        if self.sessions.get(session) is self:
            self._bench = None
            self._locks.clear()
        self._locks = {address: owner for address, owner in self._locks.items() if owner != session}
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

    def lock(self, session: Any, lock_type: Any, timeout: Any, requested_key: Any = None) -> Any:
        """An exclusive lock keeps every other session of this library out; shared locks are not there."""
        panel = self._panel(session, ignore_lock=True)
        if panel is None or lock_type != constants.Lock.exclusive:
            self.handle_return_value(session, StatusCode.error_nonsupported_operation)
        address = self._address(session)
        if self._locks.setdefault(address, session) != session:
            self.handle_return_value(session, StatusCode.error_resource_locked)
        return "", self.handle_return_value(session, StatusCode.success)

    def unlock(self, session: Any) -> Any:
        """Give the lock back."""
        if self._locks.get(self._address(session)) != session:
            self.handle_return_value(session, StatusCode.error_session_not_locked)
        del self._locks[self._address(session)]
        return self.handle_return_value(session, StatusCode.success)

    def _panel(self, session: Any, *, ignore_lock: bool = False) -> PanelSession | None:
        """The session if it is one of ours; an error if another session holds the instrument's lock."""
        found = self.sessions.get(session)
        if not isinstance(found, PanelSession):
            return None
        owner = self._locks.get(self._address(session)) if self._locks and not ignore_lock else None
        if owner not in (None, session):
            self.handle_return_value(session, StatusCode.error_resource_locked)
        return found

    def _address(self, session: Any) -> str:
        found = self.sessions.get(session)
        name = found.get_attribute(constants.ResourceAttribute.resource_name)[0] if found else ""
        return _spell(name) if name else ""


def _station_path(name: str) -> Path:
    """A station by its file, or by the name that its package registered."""
    if name.endswith(".toml"):
        return Path(name)
    path: Path = plugins.resolve(plugins.STATIONS, name)()
    return path


def _spell(address: str) -> str:
    """VISA addresses ignore case and may leave parts out: one spelling for all."""
    try:
        return str(rname.parse_resource_name(address)).upper()
    except rname.InvalidResourceName as error:
        raise StationError(f"{address!r} is not a VISA address: {error}") from error
