"""An instrument that speaks SCPI: a table of commands, the 488.2 rules around it, and no transport.

What a panel may use beyond its table: ``page`` and ``verify`` on every command (sources.py lists what is
unsure); ``pending`` for operations that ``*OPC``, ``*OPC?`` and ``*WAI`` wait for; ``register`` for a SCPI status
register with its commands; ``scpi_text.channels`` for lists such as ``(@1!1!1:1!1!4)``. How its messages run is in
scpi_run.py.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from labctl_sim import scpi_text
from labctl_sim.fault import TRIGGERS
from labctl_sim.scpi_common import common
from labctl_sim.scpi_run import Exchange
from labctl_sim.scpi_table import Call, Command, Later, Number, Reply, documented, only_first
from labctl_sim.status import OPERATION_COMPLETE, InstrumentFault, Status
from labctl_sim.world import World

__all__ = ["Call", "Command", "Later", "Number", "Reply", "ScpiPanel", "documented", "only_first"]

KNOWN_HEADERS = 4096  # spellings of headers that are remembered


class ScpiPanel(Exchange):
    """The part of an SCPI instrument that is the same in all of them. Settings live in ``self.state`` by key.

    ``mistakes`` holds what went wrong in our own handlers, where the instrument reports ``system_error``; a test that
    sends it rubbish looks whether it is empty.
    """

    error_depth = 20
    texts: Mapping[int, str] = MappingProxyType({})  # where its wording is its own
    conditions: frozenset[str] = TRIGGERS  # faults of itself that it asks about, see panel.py
    memories = 0  # of *SAV and *RCL; a panel that has some has ``recalled``

    def __init__(self, world: World, role: str, options: Mapping[str, Any]) -> None:
        super().__init__()
        self.world = world
        self.role = role
        self.options = options
        self.status = Status(self.error_depth, self.texts)
        self.state: dict[str, Any] = {}
        self.saved: dict[int, dict[str, Any]] = {}
        self._commands = [*self.commands(), *common(self)]  # an instrument may have its own *OPC?
        self._known: dict[str, tuple[Command, tuple[int, ...]]] = {}
        self.reset()

    # -- what each instrument says of itself

    @abstractmethod
    def identity(self) -> str:
        """The answer to ``*IDN?``."""

    @abstractmethod
    def commands(self) -> list[Command]:
        """The instrument's own table; the 488.2 common commands are already there."""

    @abstractmethod
    def reset(self) -> None:
        """``*RST``: write the settings' table and tell the world."""

    def pending(self) -> bool:
        """True while an operation that was started is not over: ``*OPC``, ``*OPC?`` and ``*WAI`` wait for it."""
        return False

    def recalled(self) -> None:
        """``state`` has come from a memory of ``*SAV``: tell the world what it says."""

    def power_on(self, before: object) -> None:
        """After a power failure: memories survive it, and the enable masks under ``*PSC 0``."""
        if not isinstance(before, ScpiPanel):
            return
        self.saved = before.saved
        if not before.status.power_on_clear:
            self.status.power_on_clear = False
            self.status.event_enable = before.status.event_enable
            self.status.service_enable = before.status.service_enable

    def take_trigger(self) -> None:
        """What ``*TRG`` does; -211 unless the instrument is waiting for one."""
        raise InstrumentFault(-211)

    def format_error(self, code: int, text: str) -> str:
        """An entry of the error queue as this instrument writes it."""
        return f'{code:+d},"{text}"'

    def prefix(self, full_header: str) -> str:
        """What stands before a reply; nothing, unless the instrument echoes headers."""
        return ""

    def table(self) -> list[Command]:
        """All commands, the instrument's own first."""
        return list(self._commands)

    # -- the Panel protocol

    def trigger(self) -> None:
        """The bus trigger does what ``*TRG`` does."""
        try:
            self._guarded(self.triggered)
        except InstrumentFault as fault:
            self.status.push(fault.code, fault.text)

    def status_byte(self, message_available: bool) -> int:
        """Serial poll, all but its request bit, which belongs to the bus."""
        if self.completes:
            self.settle()
        return self.status.byte(message_available)

    # -- its table

    def _find(self, header: str) -> tuple[Command, tuple[int, ...]]:
        if header in self._known:
            return self._known[header]
        for command in self._commands:
            match = scpi_text.pattern(command.pattern, cut=self.abbreviates)[0].fullmatch(header)
            if match is not None:
                suffixes = tuple(int(digits[:9]) if digits else 0 for digits in match.groups())
                if len(self._known) < KNOWN_HEADERS:
                    self._known[header] = (command, suffixes)
                return command, suffixes
        raise InstrumentFault(-113)

    def settle(self) -> None:
        """Set the bit that ``*OPC`` promised, once nothing is pending."""
        if self.completes and not self.pending():
            self.completes = False
            self.status.event |= OPERATION_COMPLETE

    def triggered(self) -> None:
        """``*TRG`` or the bus trigger, as often as it counts."""
        for _ in range(self.world.faults.triggers(self.role)):
            self.take_trigger()

    def next_error(self, _: Call) -> str:
        """``SYSTem:ERRor?``."""
        return self.format_error(*self.status.pop())
