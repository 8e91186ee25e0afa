"""What goes wrong on purpose: faults of the link, sudden events, and conditions that panels and the world ask about.

A fault strikes one role, in a window that begins after so many messages or seconds and lasts so many of them. All
are scripted (a station file, ``labctl sim serve --fault``, ``library.faults.inject(...)``) and reproducible: what is
left to chance comes from one seeded generator.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np

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
ONCE = frozenset({"drop", "vanish"})  # until the connection is reopened
WRONG_IDENTITY = "ACME INSTRUMENTS,MODEL 1,0,0.0"
GARBLED_EVERY = 16  # bytes, on average
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


@dataclass
class _Planned:
    fault: Fault
    messages_before: int  # what after_messages and after_seconds count from
    seconds_before: float


class Faults:
    """The faults of one bench. Panels ask ``active(role, kind)`` where the real instrument would notice."""

    def __init__(
        self,
        now: Callable[[], float],
        chance: np.random.Generator,
        due: Callable[[float, Callable[[], None]], None] | None = None,
    ) -> None:
        """``due(when, notice)`` sees to it that a condition is noticed when it begins."""
        self.panels: Mapping[str, object] | None = None  # who is there; None while nobody has said
        self.watchers: dict[str, Callable[[], None]] = {}  # how each one is told that a condition has begun
        self._due = due
        self._now = now
        self._chance = chance
        self._planned: list[_Planned] = []
        self._received: dict[str, int] = {}

    def inject(self, device: str, kind: str, **window: Any) -> Fault:
        """Plan a fault; its ``after_messages`` and ``after_seconds`` count from now. Fields: see Fault."""
        fault = Fault(device, kind, **window)
        self.plan(fault)
        return fault

    def plan(self, fault: Fault) -> None:
        """Plan a fault whose window counts from now.

        Raises ValueError if the bench has no such role, or an instrument there that would not notice.
        """
        if self.panels is not None:
            fault.refuse_stranger(self.panels)
            fault.refuse_deaf(self.panels[fault.device])
        self._planned.append(_Planned(fault, self._received.get(fault.device, 0), self._now()))
        if fault.kind in CONDITIONS.keys() - TRIGGERS and self._due is not None:
            self._due(self._now() + fault.after_seconds, partial(self._begun, fault.device))

    def _begun(self, role: str) -> None:
        if role in self.watchers:
            self.watchers[role]()

    def clear(self) -> None:
        """From now on all is well."""
        self._planned.clear()

    def message(self, role: str) -> list[Fault]:
        """Count one more message to ``role``; the link faults and events that it meets."""
        count = self._received[role] = self._received.get(role, 0) + 1
        if not self._planned:
            return []
        return [
            planned.fault
            for planned in list(self._planned)
            if planned.fault.device == role
            and planned.fault.kind not in CONDITIONS
            and self._strikes(planned, count - 1)
        ]

    def active(self, role: str, kind: str) -> Fault | None:
        """The condition ``kind`` of the instrument ``role``, if it holds now."""
        if not self._planned:
            return None
        count = self._received.get(role, 0) - 1  # the message being handled is the one that counts
        for planned in self._planned:
            if (planned.fault.device, planned.fault.kind) == (role, kind) and self._strikes(planned, max(count, 0)):
                return planned.fault
        return None

    def triggers(self, role: str) -> int:
        """How often a trigger that reaches ``role`` counts: 1, or 0 or 2 when a fault has it so."""
        if self.active(role, "missed_trigger"):
            return 0
        return 2 if self.active(role, "duplicate_trigger") else 1

    def stuck(self, closed: frozenset[Crosspoint]) -> frozenset[Crosspoint]:
        """The contacts that are really closed when the relays of ``closed`` are driven."""
        if not self._planned:
            return closed
        for planned in self._planned:
            if planned.fault.kind == "stuck_relay" and self.active(planned.fault.device, "stuck_relay"):
                for relay, is_open in planned.fault.relays():
                    closed = closed - {relay} if is_open else closed | {relay}
        return closed

    def garble(self, reply: bytes) -> bytes:
        """``reply`` with at least one byte changed, its final newline kept."""
        body = np.frombuffer(reply.removesuffix(b"\n"), np.uint8).copy()
        if not body.size:
            return reply
        hit = self._chance.random(body.size) < 1 / GARBLED_EVERY
        hit[self._chance.integers(body.size)] = True
        body[hit] ^= self._chance.integers(1, 256, int(hit.sum()), np.uint8)
        return body.tobytes() + reply[body.size :]

    def _strikes(self, planned: _Planned, count: int) -> bool:
        fault = planned.fault
        begin = planned.messages_before + fault.after_messages
        since = self._now() - (planned.seconds_before + fault.after_seconds)  # 0, exactly, when it is due
        begun = not fault.after_messages or begin <= count  # a condition need not wait for the next message
        if not begun or not count < begin + fault.lasts or not 0 <= since < fault.for_seconds:
            return False
        if fault.chance < 1 and self._chance.random() >= fault.chance:
            return False
        if fault.kind in ONCE:
            self._planned.remove(planned)
        return True


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
