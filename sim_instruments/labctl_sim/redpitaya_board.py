"""The rest of a Red Pitaya: its name, its clock, its slow and digital pins. Tags as in redpitaya.py."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from labctl_sim import scpi_text
from labctl_sim.scpi import Call, Command, documented
from labctl_sim.status import InstrumentFault

if TYPE_CHECKING:
    from labctl_sim.redpitaya import RedPitaya

SLOW_PINS = 4
SLOW_VOLTS = 1.8  # PM
PINS = (*(f"LED{n}" for n in range(8)), *(f"DIO{n}_{side}" for n in range(8) for side in "PN"))
FIRST_YEAR, LAST_YEAR = 1970, 2099
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)  # at power-on: there is no battery


class Board:
    """Nothing is connected to the pins: what was written to one is what it reads."""

    def __init__(self, panel: RedPitaya) -> None:
        self._panel = panel
        self._offset = datetime.timedelta()

    def commands(self) -> list[Command]:
        """Spellings of PM."""
        panel = self._panel
        return documented(
            "PM",
            Command("SYSTem:BRD:Name", ask=lambda _: "STEMlab 125-14 v1.0"),
            Command("SYSTem:TIME", self._set_time, lambda _: f"{self._now():%H,%M,%S}"),
            Command("SYSTem:DATE", self._set_date, lambda _: f"{self._now():%Y,%m,%d}"),
            Command("SYSTem:BRD:ID", ask=lambda _: "2"),
            Command("SYSTem:VERSion", ask=lambda _: "1999.0"),
            Command("SYSTem:ERRor:COUNt", ask=lambda _: str(len(panel.status.errors))),
            Command("SYSTem:ERRor[:NEXT]", ask=panel.next_error),
            Command("SYSTem:Help", ask=lambda _: self._help()),
            Command("RP:LOGmode", self._set_log),
            *[self._led(name) for name in ("MMC", "HB", "ETH")],
            Command("DIG:RST", lambda _: panel.state.update(pins={}, directions={})),
            Command("DIG:PIN", self._set_pin, lambda call: str(panel.state["pins"].get(_pin(call.only()), 0))),
            Command("DIG:PIN:DIR", self._set_direction, self._ask_direction),
            Command("ANALOG:RST", lambda _: panel.state.update(slow=[0.0] * SLOW_PINS)),
            Command("ANALOG:PIN", self._set_slow, self._ask_slow),
        )

    @staticmethod
    def _set_log(call: Call) -> None:
        one_of(call.only(), ("OFF", "CONSOLE", "SYSLOG"))

    def _help(self) -> str:
        """Every header, with a comma between them [MEM]."""
        return ",".join(command.pattern for command in self._panel.table())

    # -- the clock

    def _now(self) -> datetime.datetime:
        return START + self._offset + datetime.timedelta(seconds=self._panel.world.now())

    def _set_time(self, call: Call) -> None:
        hour, minute, second = _written(call, ":") or _numbers(call, 3)
        now = self._now()
        self._move(now, hour=hour, minute=minute, second=second)

    def _set_date(self, call: Call) -> None:
        year, month, day = _written(call, "-") or _numbers(call, 3)
        now = self._now()
        self._move(now, year=year, month=month, day=day)

    def _move(self, now: datetime.datetime, **fields: int) -> None:
        if not FIRST_YEAR <= fields.get("year", now.year) <= LAST_YEAR:
            raise InstrumentFault(-222)
        try:
            self._offset += now.replace(**fields) - now  # type: ignore[arg-type]  # its stub knows no such mapping
        except (ValueError, OverflowError):
            raise InstrumentFault(-222) from None

    # -- pins

    def _led(self, name: str) -> Command:
        """A light that shows what the board's computer does, unless it is turned off (RP)."""
        pins = f"LED:{name}"

        def write(call: Call) -> None:
            self._panel.state["pins"][pins] = one_of(call.only(), ("ON", "OFF"))

        return Command(pins, write, lambda _: str(self._panel.state["pins"].get(pins, "ON")))

    def _set_pin(self, call: Call) -> None:
        pin, value = _parameters(call, 2)
        self._panel.state["pins"][_pin(pin)] = int(scpi_text.boolean(value))

    def _set_direction(self, call: Call) -> None:
        direction, pin = _parameters(call, 2)
        self._panel.state["directions"][_pin(pin)] = one_of(direction, ("IN", "OUT"))

    def _ask_direction(self, call: Call) -> str:
        return str(self._panel.state["directions"].get(_pin(call.only()), "IN"))

    def _set_slow(self, call: Call) -> None:
        pin, value = _parameters(call, 2)
        number = int(one_of(pin, tuple(f"AOUT{n}" for n in range(SLOW_PINS)))[-1])
        self._panel.state["slow"][number] = self._panel.limited(scpi_text.number(value, "V"), 0.0, SLOW_VOLTS)

    def _ask_slow(self, call: Call) -> str:
        pin = one_of(call.only(), tuple(f"{side}{n}" for side in ("AIN", "AOUT") for n in range(SLOW_PINS)))
        return self._panel.format_number(self._panel.state["slow"][int(pin[-1])] if pin.startswith("AOUT") else 0.0)


def one_of(parameter: scpi_text.Parameter, words: tuple[str, ...]) -> str:
    """The one of ``words`` that was sent, in any case; raises -224."""
    word = parameter.upper() if isinstance(parameter, str) else ""
    if word not in words:
        raise InstrumentFault(-224)
    return word


def _pin(parameter: scpi_text.Parameter) -> str:
    return one_of(parameter, PINS)


def _parameters(call: Call, count: int) -> tuple[scpi_text.Parameter, ...]:
    if len(call.parameters) != count:
        raise InstrumentFault(-109 if len(call.parameters) < count else -108)
    return call.parameters


def _written(call: Call, mark: str) -> list[int]:
    """The numbers of ``"12:30:00"`` (RP); none if it is written ``12,30,00`` (PM)."""
    if len(call.parameters) != 1:
        return []
    parts = scpi_text.string(call.only()).split(mark)
    if len(parts) != 3:
        raise InstrumentFault(-224)
    return [round(scpi_text.number(part)) for part in parts]


def _numbers(call: Call, count: int) -> list[int]:
    return [round(scpi_text.number(parameter)) for parameter in _parameters(call, count)]
