"""The way to the instruments: the only importer of pyvisa. Its errors leave here as ours, with name and address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pyvisa
from pymeasure.adapters import VISAAdapter
from pyvisa.constants import InterfaceType, StatusCode

from labctl.core.clock import Clock, WallClock
from labctl.core.errors import InstrumentError, InstrumentGone, InstrumentTimeout, LabError, StationError

BLOCK_BYTES = 1 << 20
"""How much one read asks for; pyvisa's own 20 kB make a long block slow."""

_REFUSED = frozenset(
    {
        StatusCode.error_nonsupported_operation,
        StatusCode.error_nonsupported_attribute,
        StatusCode.error_nonsupported_attribute_state,
    }
)


class Visa:
    """An open VISA library: opens instruments, tells the time of the world that they live in.

    Without a ``manager`` there is nothing to open: the library of a station that has no instruments.
    """

    def __init__(self, manager: pyvisa.ResourceManager | None, timeout_seconds: float) -> None:
        self._manager = manager
        self._timeout_seconds = timeout_seconds
        given = None if manager is None else getattr(manager.visalib, "clock", None)
        self.clock: Clock = WallClock() if given is None else given

    @property
    def provenance(self) -> dict[str, Any]:
        """What the library says of what stands behind it, plain values; a library that says nothing: nothing."""
        return dict(getattr(getattr(self._manager, "visalib", None), "provenance", {}))

    def open(self, role: str, address: str) -> LabAdapter:
        """A connection to ``address``; nothing is sent yet.

        Raises InstrumentGone naming role, address and remedy.
        """
        if self._manager is None:
            raise InstrumentGone(f"{role} at {address}: this bench was opened as one without instruments")
        return LabAdapter(self._manager, role, address, self._timeout_seconds)

    def close(self) -> None:
        """Give up the library, unless another bench in this process still has instruments open through it."""
        if self._manager is not None and not self._manager.list_opened_resources():
            self._manager.close()


def open_visa(library: str, timeout_seconds: float = 5.0, *, needed: bool = True) -> Visa:
    """Open the VISA library ``library``: ``""``, ``@ivi``, ``@py``, ``sim:<station>@labctl``.

    If it is not ``needed``, because a station has no instruments, none has to be installed.
    Raises StationError saying what to install if it is not there.
    """
    if not needed:
        return Visa(None, timeout_seconds)
    try:
        return Visa(pyvisa.ResourceManager(library), timeout_seconds)
    except LabError:
        raise
    except (ValueError, OSError, pyvisa.errors.Error) as error:
        raise StationError(
            f"visa_library = {library!r} cannot be opened ({error}); {_how_to_install(library)}"
        ) from error


def _how_to_install(library: str) -> str:
    backend = library.rpartition("@")[2] if "@" in library else "ivi"
    if backend == "py":
        return "install it with: pip install pyvisa-py"
    if backend == "labctl":
        return "check the path before '@labctl', or reinstall with: pip install labctl"
    if backend == "ivi":
        return (
            "install the VISA of your instruments' vendor (NI-VISA or Keysight IO Libraries), "
            'or set visa_library = "@py" after: pip install pyvisa-py'
        )
    return f"install that backend with: pip install pyvisa-{backend}"


class LabAdapter(VISAAdapter):  # type: ignore[misc]  # pymeasure carries no types
    """PyMeasure's VISA adapter on a given library, whose connection raises InstrumentTimeout and InstrumentGone."""

    connection: Any

    def __init__(self, manager: pyvisa.ResourceManager, role: str, address: str, timeout_seconds: float) -> None:
        self._role = role
        self._settings: dict[str, Any] = {
            "timeout": timeout_seconds * 1000.0,
            "chunk_size": BLOCK_BYTES,
            "write_termination": "\n",
        }
        try:
            with translated(role, address):
                kind = manager.resource_info(address)
                if kind.resource_class == "SOCKET" or kind.interface_type == InterfaceType.asrl:
                    self._settings["read_termination"] = "\n"  # no end of message on these but this one
                super().__init__(address, manager.visalib, **self._settings)
        except ValueError as error:  # pyvisa's word for what it cannot parse, and pyvisa-py's for what it lacks
            if "install" in str(error):
                raise InstrumentGone(
                    f"{role}: this VISA library cannot reach {address!r}: {error}. "
                    "Another one is named by the station's visa_library, or by --library"
                ) from error
            raise InstrumentGone(
                f"{role}: {address!r} is no VISA address ({error}); one looks like 'GPIB0::24::INSTR', "
                "'USB0::0x0957::0x4108::MY1234::INSTR' or 'TCPIP0::192.0.2.17::inst0::INSTR'"
            ) from error
        self.connection = Session(self.connection, role, address)

    def close(self) -> None:
        """Close this connection alone; PyMeasure's version also closes the library under other instruments."""
        connection = getattr(self, "connection", None)  # absent if opening failed
        if connection is not None:
            connection.close()

    def reopen(self) -> None:
        """Close the connection and open it again, under the same driver."""
        address = str(self.resource_name)
        with translated(self._role, address):
            with suppress(InstrumentError):  # it is lost, that is why we are here
                self.connection.close()
            fresh = self.manager.open_resource(address, **self._settings)
        self.connection = Session(fresh, self._role, address)


class Session:
    """A pyvisa resource, all of whose errors are translated."""

    def __init__(self, resource: Any, role: str, address: str) -> None:
        object.__setattr__(self, "_inside", (resource, role, address))

    def __getattr__(self, name: str) -> Any:
        resource, role, address = object.__getattribute__(self, "_inside")
        with translated(role, address):
            value = getattr(resource, name)
        if not callable(value):
            return value

        def call(*args: Any, **kwargs: Any) -> Any:
            with translated(role, address):
                return value(*args, **kwargs)

        return call

    def clear(self) -> None:
        """VISA clear; what the instrument was about to answer is thrown away.

        PyVISA-py takes an answer that is under way on HiSLIP for the acknowledgement, and says so. That was the answer,
        so a second clear meets none; the acknowledgement that is then left over is skipped by the next read.
        """
        resource, role, address = object.__getattribute__(self, "_inside")
        with translated(role, address):
            try:
                resource.clear()
            except RuntimeError as error:
                if isinstance(error, NotImplementedError):
                    raise
                resource.clear()

    def __setattr__(self, name: str, value: Any) -> None:
        resource, role, address = object.__getattribute__(self, "_inside")
        with translated(role, address):
            setattr(resource, name, value)


@contextmanager
def translated(role: str, address: str) -> Iterator[None]:
    """Let pyvisa's errors leave the block as InstrumentTimeout, InstrumentGone or InstrumentError."""
    try:
        yield
    except LabError:
        raise
    except pyvisa.errors.VisaIOError as error:
        if error.error_code == StatusCode.error_timeout:
            raise InstrumentTimeout(
                f"{role} at {address} did not answer in time; is it busy, or waiting for a trigger? "
                "A larger timeout_seconds in the station file gives it longer"
            ) from error
        if error.error_code in _REFUSED:
            raise InstrumentError(
                f"{role} at {address}: this connection cannot do that ({error.description})"
            ) from error
        raise _gone(role, address, error.description) from error
    except UnicodeDecodeError as error:
        raise InstrumentError(
            f"{role} at {address}: the reply is not text ({error.object[:40]!r}); "
            "if it belongs to another question, reopen the bench"
        ) from error
    except NotImplementedError as error:
        raise InstrumentError(f"{role} at {address}: this VISA library cannot do that ({error})") from error
    except (pyvisa.errors.Error, OSError, RuntimeError, AssertionError) as error:
        # OSError is a backend's word for a broken socket. The others are pyvisa-py's for HiSLIP that is out of step:
        # so it is once Ctrl-C came between the halves of a message. A new connection is the only cure of both.
        raise _gone(role, address, str(error) or type(error).__name__) from error


def _gone(role: str, address: str, reason: str) -> InstrumentGone:
    return InstrumentGone(
        f"{role} at {address} cannot be reached ({reason}); check its power, its cable and that no other program "
        "holds it, and compare the address in the station file with the output of `pyvisa-info` or the front panel"
    )
