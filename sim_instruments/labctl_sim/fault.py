"""One fault: what goes wrong on purpose, with whom and when, and how it is written down."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any

from labctl.core.device import Crosspoint
from labctl.core.errors import StationError

LINK = {
    "hang": "messages are not heard at all",
    "timeout": "the same, by its other name",
    "slow": "the reply comes delay_seconds late",
    "garble": "some bytes of the reply are changed",
    "truncate": "the second half of the reply is missing",
    "drop": "the connection is lost in the middle of the reply, until it is reopened",
    "vanish": "the connection is lost when a message comes, until it is reopened",
    "identity": "*IDN? answers with detail",
}
EVENTS = {
    "reboot": "the power fails: settings gone, PON set, deaf for delay_seconds, network connections lost",
    "overflow": "the error queue fills up",
    "front_panel": "someone at the front panel does what the command in detail does",
}
CONDITIONS = {
    "stuck_relay": "relays such as detail = '1A05,2B01' stay closed; '1A05=open' never closes",
    "output_refuses": "the output does not turn on",
    "interlock": "the interlock is open",
    "over_temperature": "the instrument is too hot to source",
    "missed_trigger": "a trigger does nothing",
    "duplicate_trigger": "a trigger counts twice",
}
KINDS = {**LINK, **EVENTS, **CONDITIONS}
TRIGGERS = frozenset({"missed_trigger", "duplicate_trigger"})
WRONG_IDENTITY = "ACME INSTRUMENTS,MODEL 1,0,0.0"
_RELAY = re.compile(r"([1-9])([A-H])(\d\d)(=open)?")


@dataclass(frozen=True)
class Fault:
    """``kind`` happens to ``device`` (a role); see KINDS.

    It begins once the device has received ``after_messages`` messages and ``after_seconds`` have passed. It lasts for
    ``messages`` messages (None: one, or for ever if it is a condition) and ``for_seconds``. Inside that window each
    occasion meets it with ``chance``.
    """

    device: str
    kind: str
    after_messages: int = 0
    messages: int | None = None
    after_seconds: float = 0.0
    for_seconds: float = math.inf
    chance: float = 1.0
    delay_seconds: float = 1.0
    detail: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; known are {', '.join(KINDS)}")
        for field in fields(self):
            value, kind = getattr(self, field.name), str(field.type)
            if not _fits(value, kind):
                raise ValueError(f"the fault {self.kind!r} has {field.name} = {value!r}; it is {_MEANT[kind]}")
        if not 0 <= self.chance <= 1:
            raise ValueError(f"the fault {self.kind!r} has chance {self.chance}; it is a number from 0 to 1")
        if self.kind == "stuck_relay":
            for relay in self.detail.split(","):
                if _RELAY.fullmatch(relay.strip()) is None:
                    raise ValueError(f"stuck_relay needs detail = '1A05' or '1A05=open', not {self.detail!r}")

    @classmethod
    def of(cls, entry: Any) -> Fault:
        """A fault from a table of a station file. Raises ValueError, naming what is missing or unknown."""
        if not isinstance(entry, Mapping):
            raise ValueError(f"{entry!r} is no fault; write a table with device and kind under [[simulation.faults]]")
        known = [field.name for field in fields(cls)]
        if missing := {"device", "kind"} - entry.keys():
            raise ValueError(
                f"a fault needs {' and '.join(sorted(missing))}; this one has {', '.join(entry) or 'nothing'}"
            )
        if unknown := entry.keys() - set(known):
            raise ValueError(f"a fault has no {sorted(unknown)[0]!r}; its fields are {', '.join(known)}")
        return cls(**entry)

    def refuse_stranger(self, roles: Collection[str]) -> None:
        """Raise ValueError if its device is none of the ``roles`` of the bench."""
        if self.device not in roles:
            raise ValueError(f"there is no {self.device!r} for the fault {self.kind!r}; there are {', '.join(roles)}")

    def refuse_deaf(self, panel: object) -> None:
        """Raise ValueError if ``panel`` would not notice: a condition that its model does not have, no such relay."""
        model = type(panel).__name__
        known: Collection[str] = getattr(panel, "conditions", ())
        if self.kind in CONDITIONS and self.kind not in known:
            able = ", ".join(kind for kind in CONDITIONS if kind in known) or "none"
            raise ValueError(
                f"the {model} of {self.device!r} cannot have the fault {self.kind!r}; of the conditions it can have "
                f"{able} (`conditions` of its class says so)"
            )
        has_relay: Callable[[Crosspoint], bool] | None = getattr(panel, "has_relay", None)
        if self.kind == "stuck_relay" and has_relay is not None:
            for relay, _ in self.relays():
                if not has_relay(relay):
                    raise ValueError(
                        f"the {model} of {self.device!r} has no relay {relay.slot}{chr(64 + relay.row)}"
                        f"{relay.column:02d} that could be stuck; its cards are in the slots that [wiring] uses"
                    )

    def relays(self) -> list[tuple[Crosspoint, bool]]:
        """The relays of ``detail``, each with whether it is stuck open."""
        return [
            (Crosspoint(int(slot), ord(row) - ord("A") + 1, int(column)), bool(is_open))
            for slot, row, column, is_open in _RELAY.findall(self.detail)
        ]

    @property
    def lasts(self) -> float:
        """Messages that it lasts."""
        if self.messages is not None:
            return self.messages
        return math.inf if self.kind in CONDITIONS else 1


def parse(text: str) -> Fault:
    """A fault from ``device:kind,field=value,...``; ``detail=`` comes last and takes the rest of the text.

    Raises StationError, showing an example.
    """
    head, *_ = text.split(",", 1)
    device, colon, kind = head.partition(":")
    rest, _, detail = text[len(head) :].partition(",detail=")
    kinds = {field.name: field.type for field in fields(Fault)}
    values: dict[str, Any] = {"detail": detail} if detail else {}
    try:
        if not (device and colon):
            raise ValueError("it begins with a role, a colon and a kind")
        for pair in filter(None, rest.split(",")):
            name, _, value = pair.partition("=")
            if name in ("device", "kind") or name not in kinds:
                raise ValueError(f"it has no field {name!r}; fields are {', '.join(list(kinds)[2:])}")
            try:
                values[name] = float(value) if "float" in str(kinds[name]) else int(value)
            except ValueError:
                raise ValueError(f"{name} = {value!r} should be {_MEANT[str(kinds[name])]}") from None
        return Fault(device, kind, **values)
    except ValueError as error:
        raise StationError(
            f"{text!r} is not a fault: {error}. One looks like 'smu:garble,after_messages=20,messages=3' or "
            "'matrix:stuck_relay,detail=1A05'"
        ) from error


def _fits(value: Any, kind: str) -> bool:
    if kind == "str":
        return isinstance(value, str)
    if kind == "int | None" and value is None:
        return True
    numbers = (int, float) if kind == "float" else (int,)
    return isinstance(value, numbers) and not isinstance(value, bool) and value >= 0


_MEANT = {
    "str": "a text",
    "int": "a whole number from 0",
    "int | None": "a whole number from 0",
    "float": "a number from 0",
}
