"""The usual lines of a table in one call: numbers, switches, choices and status registers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from labctl_sim import scpi_text
from labctl_sim.scpi_table import Call, Command, Number
from labctl_sim.status import InstrumentFault, Register, Status


class Settings:
    """What lines of a table work on: the settings in ``state``, by key, and the ``status`` that errors go to."""

    abbreviates = False  # True: a keyword may be cut anywhere behind its short form
    adjusts = False  # True: a value out of range is limited *and* reported; False: it is refused
    status: Status
    state: dict[str, Any]

    def format_number(self, value: float) -> str:
        """A number as this instrument writes it."""
        return f"{value:+.8E}"

    def numeric(
        self,
        pattern: str,
        key: str,
        kind: Number,
        after: Callable[[], None] | None = None,
        *,
        page: str = "MEM",
        verify: bool = False,
    ) -> Command:
        """A numeric setting kept in ``state[key]``; ``after`` runs once it has changed."""

        def write(call: Call) -> None:
            self.state[key] = self.limited(kind.read(call.only()), *kind.bounds())
            if after:
                after()

        def ask(call: Call) -> str:
            return self.format_number(kind.asked(call, self.state[key]))

        return Command(pattern, write, ask, page, verify)

    def integer(
        self,
        pattern: str,
        key: str,
        low: int,
        high: int,
        after: Callable[[], None] | None = None,
        *,
        page: str = "MEM",
        verify: bool = False,
    ) -> Command:
        """A whole-number setting kept in ``state[key]``."""
        kind = Number("", low, high, low)

        def write(call: Call) -> None:
            self.state[key] = round(self.limited(kind.read(call.only()), low, high))
            if after:
                after()

        def ask(call: Call) -> str:
            return str(round(kind.asked(call, self.state[key])))

        return Command(pattern, write, ask, page, verify)

    def switch(
        self,
        pattern: str,
        key: str,
        after: Callable[[], None] | None = None,
        *,
        page: str = "MEM",
        verify: bool = False,
    ) -> Command:
        """A boolean setting kept in ``state[key]``."""

        def write(call: Call) -> None:
            self.state[key] = scpi_text.boolean(call.only())
            if after:
                after()

        return Command(pattern, write, lambda _: str(int(self.state[key])), page, verify)

    def option(
        self,
        pattern: str,
        key: str,
        names: tuple[str, ...],
        after: Callable[[], None] | None = None,
        *,
        page: str = "MEM",
        verify: bool = False,
    ) -> Command:
        """A setting that is one of ``names``, kept in ``state[key]`` as its short form."""
        words = {scpi_text.short(name): name.upper() for name in names}

        def write(call: Call) -> None:
            self.state[key] = self.word(call.only(), names)
            if after:
                after()

        return Command(pattern, write, lambda _: self.spelled(str(self.state[key]), words), page, verify)

    def word(self, parameter: scpi_text.Parameter, names: tuple[str, ...]) -> str:
        """The short form of the one of ``names`` that is meant."""
        return scpi_text.choice(parameter, names, cut=self.abbreviates)

    @property
    def spells_out(self) -> bool:
        """Whether replies have words in full, as some instruments do, and not in their short form, as SCPI has it."""
        return False

    def spelled(self, word: str, words: Mapping[str, str]) -> str:
        """A short form as it is in a reply, given the long ones."""
        return words.get(word, word) if self.spells_out else word

    def register(self, pattern: str, bit: int, *, page: str = "MEM", verify: bool = False) -> list[Command]:
        """The commands of a SCPI status register summed up in ``bit`` of the status byte.

        It is ``self.status.registers[bit]``; a panel calls its ``update`` with new conditions.
        """
        register = self.status.registers.setdefault(bit, Register())

        def mask(name: str) -> Command:
            def write(call: Call) -> None:
                value = scpi_text.number(call.only())
                if not 0 <= value <= 65535:
                    raise InstrumentFault(-222)
                setattr(register, name, round(value) & 0x7FFF)

            full = {"enable": "ENABle", "positive": "PTRansition", "negative": "NTRansition"}[name]
            return Command(f"{pattern}:{full}", write, lambda _: str(getattr(register, name)), page, verify)

        return [
            Command(f"{pattern}[:EVENt]", None, lambda _: str(register.read_event()), page, verify),
            Command(f"{pattern}:CONDition", None, lambda _: str(register.condition), page, verify),
            *(mask(name) for name in ("enable", "positive", "negative")),
        ]

    def status_subsystem(self) -> list[Command]:
        """What SCPI-99 asks of every instrument: both status registers, PRESet, and the version."""
        return [
            *self.register("STATus:OPERation", 128, page="SCPI-99 20"),
            *self.register("STATus:QUEStionable", 8, page="SCPI-99 20"),
            Command("STATus:PRESet", self._preset_registers, page="SCPI-99 20.2"),
            Command("SYSTem:VERSion", ask=lambda _: "1999.0", page="SCPI-99 21.21"),
        ]

    def _preset_registers(self, _: Call) -> None:
        for register in self.status.registers.values():
            register.preset()

    def limited(self, value: float, low: float, high: float) -> float:
        """``value`` within its limits: limited and reported, or refused, as the instrument's family does it."""
        if low <= value <= high:
            return value
        if not self.adjusts or math.isnan(value):
            raise InstrumentFault(-222)
        self.status.push(-222)
        return min(max(value, low), high)
