"""How often each relay of the matrix has closed: they wear, and a worn one sticks under somebody's junction."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from labctl.bench.guarded import Observed
from labctl.core.device import Crosspoint, Device, Setting

log = logging.getLogger("labctl.bench")

LIFE_CYCLES = 10_000_000
"""Closings that a relay is assumed to last when it switches next to nothing [MEM]; makers give 1e7 to 1e8."""


class RelayCycles:
    """Counts closings by crosspoint, such as ``{"1A01": 123}``, in the file ``path``; None: for this process alone.

    A count is written after the relays have moved. A process killed in between loses that one move.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._closings: Counter[str] = Counter()
        self._told: set[str] = set()
        if path is not None and path.exists():
            try:
                self._closings.update({str(name): int(count) for name, count in json.loads(path.read_text()).items()})
            except (OSError, ValueError, AttributeError, TypeError) as error:
                log.warning("the relay cycles in %s cannot be read (%s); counting starts anew", path, error)

    def closed(self, points: Collection[Crosspoint]) -> None:
        """These relays have closed once more."""
        for name in map(crosspoint_name, points):
            self._closings[name] += 1
            if self._closings[name] >= 0.9 * LIFE_CYCLES and name not in self._told:
                self._told.add(name)
                log.warning(
                    "relay %s has closed %d times; about %d are its life. Plan to replace its card, and trust no "
                    "measurement through it that a continuity check does not confirm",
                    name,
                    self._closings[name],
                    LIFE_CYCLES,
                )
        self._keep()

    def summary(self) -> Mapping[str, Setting]:
        """The most worn relay, such as ``{"most_worn_relay": "1A01", "most_relay_cycles": 123}``; empty if none is."""
        if not self._closings:
            return {}
        name, count = self._closings.most_common(1)[0]
        return {"most_worn_relay": name, "most_relay_cycles": count}

    def _keep(self) -> None:
        if self._path is None:
            return
        try:
            fresh = self._path.with_suffix(".new.json")
            fresh.write_text(json.dumps(self._closings))
            fresh.replace(self._path)
        except OSError as error:  # a count is no reason to leave a line floating
            if "" not in self._told:
                self._told.add("")
                log.warning("the relay cycles cannot be written to %s (%s); some are not counted", self._path, error)


class Counted(Observed):
    """A switch matrix to look at, with how worn it is."""

    def __init__(self, matrix: Device, cycles: RelayCycles) -> None:
        super().__init__(matrix)
        self._cycles = cycles

    def snapshot(self) -> Mapping[str, Setting]:
        """Its settings as it reports them now, and the closings of its most worn relay."""
        return {**super().snapshot(), **self._cycles.summary()}


def crosspoint_name(point: Crosspoint) -> str:
    """A crosspoint as people at the bench call it: slot, row letter, column.

    >>> crosspoint_name(Crosspoint(1, 1, 4))
    '1A04'
    """
    return f"{point.slot}{chr(ord('A') + point.row - 1)}{point.column:02d}"
