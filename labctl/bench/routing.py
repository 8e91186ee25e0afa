"""The array behind its switch matrix: lines on instruments or on ground, and no relay moves under current."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.bench.relays import RelayCycles, crosspoint_name
from labctl.bench.wiring import GROUND, Wiring
from labctl.core.device import Crosspoint, Line, PulseGenerator, Source, SourceMeter, SwitchMatrix
from labctl.core.errors import EnvelopeError, InstrumentError, ParameterError


class ArrayRouter:
    """An ArrayPort: every relay of the matrix is this array's, and a line is always on ground or on an instrument.

    Two sources may not drive one line, with one exception: a pulse generator and a source-meter, which then sources
    0 A and reads the voltage. The read-out of a crossbar measures its drive that way. What the station's
    ``exclusions`` name never shares a line.
    """

    def __init__(
        self,
        matrix: SwitchMatrix,
        wiring: Wiring,
        sources: Mapping[str, Source],
        cycles: RelayCycles | None = None,
    ) -> None:
        self._matrix = matrix
        self._wiring = wiring
        self._sources = sources
        self._cycles = cycles or RelayCycles(None)

    @property
    def rows(self) -> int:
        """Number of word lines."""
        return len(self._wiring.word_lines)

    @property
    def cols(self) -> int:
        """Number of bit lines."""
        return len(self._wiring.bit_lines)

    @property
    def sense_ohms(self) -> float:
        """Volts at the digitizer per ampere out of the sensed line."""
        return self._wiring.sense_ohms

    def route(self, connections: Mapping[str, Line]) -> None:
        """Put lines on instruments and every other line on ground, verified by what the matrix reports.

        Raises ParameterError for a line or an instrument that is not there, EnvelopeError for two sources on one
        line, an exclusion or a source that is live, InstrumentError naming a relay that did not move.
        """
        wanted = self._wanted(connections)
        self._require_quiet()
        closed = self._matrix.closed()
        if closed == wanted:
            return
        # Ground first, then the new contact, then the old ones open: no line floats on the way.
        grounded = self._moving(closed, wanted) - closed
        new = wanted - closed - grounded
        self._close(grounded)
        self._close(new)
        self._open((closed | grounded | new) - wanted)
        self._verify(wanted)

    def ground(self, release: bool = True) -> None:
        """Put every line on ground; with ``release`` every instrument is taken off afterwards.

        For the way to safety: it asks nobody whether it may. Leave ``release`` out while a source may be live:
        shorting it to ground protects the junction, and a relay that opens under current may weld.
        """
        grounds = self._wiring.grounds()
        closed = self._matrix.closed()
        self._close(grounds - closed)
        if release:
            self._open(closed - grounds)
            self._verify(grounds)

    def _wanted(self, connections: Mapping[str, Line]) -> frozenset[Crosspoint]:
        lines = self._wiring.lines
        sharing: dict[Line, list[str]] = {}
        for role, line in connections.items():
            if role == GROUND or role not in self._wiring.rows:
                known = ", ".join(sorted(set(self._wiring.rows) - {GROUND}))
                raise ParameterError(f"{role!r} is not wired to the matrix; wired are: {known}")
            if line not in lines:
                raise ParameterError(
                    f"the array has no {line.kind} line {line.index}; it has word lines 0 to {self.rows - 1} "
                    f"and bit lines 0 to {self.cols - 1}"
                )
            sharing.setdefault(line, []).append(role)
        for line, roles in sharing.items():
            self._check_sharing(line, roles)
        return frozenset(self._wiring.crosspoint(role, line) for line in lines for role in sharing.get(line, [GROUND]))

    def _check_sharing(self, line: Line, roles: list[str]) -> None:
        for excluded in self._wiring.exclusions:
            if excluded <= set(roles):
                raise EnvelopeError(
                    f"{' and '.join(sorted(excluded))} must never share a line, say the exclusions under [wiring]; "
                    f"{line.kind} line {line.index} was to get them. Route them one after the other"
                )
        sources = [role for role in roles if role in self._sources]
        pulsers = [role for role in sources if isinstance(self._sources[role], PulseGenerator)]
        meters = [role for role in sources if isinstance(self._sources[role], SourceMeter)]
        if len(sources) > 1 and (len(pulsers) > 1 or len(meters) > 1 or len(sources) > 2):
            raise EnvelopeError(
                f"{' and '.join(sources)} would drive {line.kind} line {line.index} against each other; "
                "put one source on a line, or a pulse generator with a source-meter as its voltmeter"
            )

    def _require_quiet(self) -> None:
        for role, source in self._sources.items():
            if not source.is_quiet():
                raise EnvelopeError(
                    f"the {role} reports a live output; relays that move under current weld and can hurt the sample. "
                    f"Call off() on the {role} before route()"
                )

    def _moving(self, closed: frozenset[Crosspoint], wanted: frozenset[Crosspoint]) -> frozenset[Crosspoint]:
        """The ground relays of every line that is about to change."""
        columns = {(point.slot, point.column) for point in closed ^ wanted}
        return frozenset(point for point in self._wiring.grounds() if (point.slot, point.column) in columns)

    def _close(self, points: frozenset[Crosspoint]) -> None:
        if points:
            try:
                self._matrix.close_points(sorted(points))
            finally:
                self._cycles.closed(points)  # also when it failed: some may have moved

    def _open(self, points: frozenset[Crosspoint]) -> None:
        if points:
            self._matrix.open_points(sorted(points))

    def _verify(self, wanted: frozenset[Crosspoint]) -> None:
        found = self._matrix.closed()
        if found == wanted:
            return
        stuck = [f"{crosspoint_name(point)} did not close" for point in sorted(wanted - found)]
        stuck += [f"{crosspoint_name(point)} did not open" for point in sorted(found - wanted)]
        raise InstrumentError(
            f"the matrix reports relays that did not move: {', '.join(stuck)}; "
            "check the card in that slot, and do not trust a measurement until they move"
        )


class Port:
    """The array as procedures get it: they may route, and nothing else."""

    def __init__(self, router: ArrayRouter) -> None:
        self._router = router

    @property
    def rows(self) -> int:
        """Number of word lines."""
        return self._router.rows

    @property
    def cols(self) -> int:
        """Number of bit lines."""
        return self._router.cols

    @property
    def sense_ohms(self) -> float:
        """Volts at the digitizer per ampere out of the sensed line."""
        return self._router.sense_ohms

    def route(self, connections: Mapping[str, Line]) -> None:
        """Put lines on instruments; see ``ArrayPort.route``."""
        self._router.route(connections)
