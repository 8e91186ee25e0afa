"""What goes wrong on purpose at one bench: faults of the link, sudden events, and conditions that panels ask about.

A fault strikes one role, in a window that begins after so many messages or seconds and lasts so many of them. All
are scripted (a station file, ``labctl sim serve --fault``, ``library.faults.inject(...)``) and reproducible: what is
left to chance comes from one seeded generator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from labctl.core.device import Crosspoint
from labctl_sim.fault import CONDITIONS, TRIGGERS, Fault

ONCE = frozenset({"drop", "vanish"})  # until the connection is reopened
GARBLED_EVERY = 16  # bytes, on average


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
