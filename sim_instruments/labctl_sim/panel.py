"""What a front panel is to whoever carries its messages: a VISA session, a socket server, a test.

Besides the methods of ``Panel`` a panel may have these, all optional:

``asker``
    An attribute set before each call to the session on whose behalf it is made. A panel that defers or holds
    messages keeps them by asker, and ``poll`` returns what belongs to the present asker, so that two sessions never
    get each other's replies. ``scpi.ScpiPanel`` does it for its deferred replies.
``waiting``
    True while a reply of the present asker is still to come from ``poll``. Servers, which push replies, look again
    only while it is true; a panel without it is looked at for a while after every message that holds a ``?``.
``longest_message``
    How many bytes its input buffer takes, a million by default. Servers cut a longer message to one byte more than
    that, so that the panel knows; it throws all of it away and says -363.
``power_on``
    Called with the panel that was there before, when this one takes its place after a power failure: whatever
    survives one (``*PSC 0``, memories with a battery) is copied here.
``conditions``
    The kinds of condition among the faults that it asks about, see below; no others can be injected.
``has_relay``
    Whether there is such a crosspoint. A panel with this method is the matrix of the station, which has but one.
``watch``
    Called when such a condition begins: what the instrument notices by itself happens now.

Where the real instrument would notice, a panel asks about faults of itself (see fault.py for all kinds)::

    conditions = TRIGGERS | {"output_refuses", "interlock", "over_temperature"}

    if self.world.faults.active(self.role, "output_refuses"):    # OUTP ON leaves the output off
    if self.world.faults.active(self.role, "interlock"):         # +802, -802 ...; the output goes off
    if self.world.faults.active(self.role, "over_temperature"):  # +810 ...; the output goes off
    for _ in range(self.world.faults.triggers(self.role)):       # a trigger: 1, missed 0, duplicated 2

``ScpiPanel`` asks about triggers itself, around ``take_trigger``. A stuck relay needs nothing: ``World.relays`` moves
the contacts that can move, and a panel goes on answering from what it was told, as the real ones do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

MAINS_HERTZ = (50.0, 60.0)


def line_hertz(options: Mapping[str, Any]) -> float:
    """The option ``line_hertz``, 50 if it is not there; raises ValueError unless it is 50 or 60."""
    hertz = options.get("line_hertz", MAINS_HERTZ[0])
    if isinstance(hertz, bool) or hertz not in MAINS_HERTZ:
        raise ValueError(f"line_hertz is {hertz!r}, but mains have 50 or 60 Hz")
    return float(hertz)


@runtime_checkable
class Panel(Protocol):
    """One simulated instrument, free of any transport. It is made as ``Panel(world, role, options)``."""

    def handle(self, message: bytes) -> bytes | None:
        """Take one whole program message; the response message with its final newline, or None if there is none."""
        ...

    def poll(self) -> bytes | None:
        """A response that could not be given at once (``*OPC?`` during an acquisition), if it is ready now."""
        ...

    def interrupted(self) -> None:
        """A new message came before the last response was read; that response is gone."""
        ...

    def unterminated(self) -> None:
        """Someone tried to read a response that nobody had asked for."""
        ...

    def clear(self) -> None:
        """Device clear: forget half-done input and output, settings stay."""
        ...

    def trigger(self) -> None:
        """Group execute trigger, the bus line behind ``*TRG``."""
        ...

    def status_byte(self, message_available: bool) -> int:
        """What a serial poll returns."""
        ...
