"""What all sources together put on the array: two of them may stand at the two ends of one junction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from labctl.bench.limits import Limits
from labctl.core.errors import EnvelopeError

_AS_ASKED = (1.0,)
_WAYS = {"word": 1.0, "bit": -1.0}


@dataclass(frozen=True)
class _Span:
    """The lowest and the highest volts that a source gives, and whether it plays pulses between them."""

    low: float
    high: float
    pulsed: bool

    @property
    def live(self) -> bool:
        return self.low < 0 or self.high > 0


class Exposure:
    """The levels of all sources of a bench, as last asked for. Every line that has no source is on ground, 0 V.

    Where relays put them is not looked at, so that no routing can make a sum harmless on paper only; it is looked at
    for the sign alone. ``kinds(role)`` tells the kinds of line that a source stands on, ``quiet`` asks each source
    whether it is at rest; without them there is one source, and the junction sees what it gives.
    """

    def __init__(
        self,
        limits: Limits,
        kinds: Callable[[str], frozenset[str]] | None = None,
        quiet: Mapping[str, Callable[[], bool]] | None = None,
    ) -> None:
        self._limits: list[tuple[Limits, Callable[[], bool]]] = [(limits, lambda: True)]
        self._spans: dict[str, _Span] = {}
        self._kinds = kinds
        self._ways: dict[str, tuple[float, ...]] = {}
        self._quiet = quiet or {}
        self._dose = 0.0

    @property
    def limits(self) -> Limits:
        """What the junction may see now."""
        return next(limits for limits, holds in reversed(self._limits) if holds())

    @contextmanager
    def under(self, limits: Limits, holds: Callable[[], bool]) -> Iterator[None]:
        """In here the junction may see ``limits`` while ``holds()``; raises EnvelopeError within another such block."""
        if len(self._limits) > 1:
            raise EnvelopeError("an override within an override was asked for; end the one before it")
        self._limits.append((limits, holds))
        try:
            yield
        finally:
            self._limits.pop()

    @property
    def dose_volt_seconds(self) -> float:
        """All that was fired since the bench was opened, as if one junction had seen it all; see `Limits`."""
        return self._dose

    def spend(self, volt_seconds: float) -> None:
        """Take down a dose that is about to be given; raises EnvelopeError if it is beyond the limit."""
        total = self._dose + volt_seconds
        if not total <= self.limits.dose_volt_seconds:
            raise EnvelopeError(
                f"these cycles would bring the dose since the bench was opened from {self._dose:g} to {total:g} V s; "
                f"the limit is {self.limits.dose_volt_seconds:g} V s. Fire fewer cycles, or have dose_volt_seconds in "
                "the [limits] of the station widened by whoever answers for the sample"
            )
        self._dose = total

    def ways(self, role: str) -> tuple[float, ...]:
        """The signs with which volts of ``role`` reach a junction: 1 on a word line, -1 on a bit line.

        A source on no line reaches none; its volts are judged as they were asked for.
        """
        if role not in self._ways:
            kinds = frozenset[str]() if self._kinds is None else self._kinds(role)
            self._ways[role] = tuple(_WAYS[kind] for kind in sorted(kinds)) or _AS_ASKED
        return self._ways[role]

    def moved(self) -> None:
        """Relays have moved or may have: which line a source stands on has to be asked again."""
        self._ways.clear()

    def admit(self, role: str, low: float, high: float, *, pulsed: bool = False) -> None:
        """Take down that the source ``role`` is about to give ``low`` to ``high`` volts at the junction.

        Raises EnvelopeError if, with the other sources as they are, more than the limit for levels that stay could
        stand across a junction; or if pulses meet another source that is not at zero, or one that says it is live
        though nobody here turned it on. Nothing is taken down then.
        """
        wanted = _Span(low, high, pulsed)
        others = {name: span for name, span in self._spans.items() if name != role and span.live}
        if wanted.live and others:
            names = ", ".join(f"{name} ({span.low:g} to {span.high:g} V)" for name, span in others.items())
            if pulsed or any(span.pulsed for span in others.values()):
                raise EnvelopeError(
                    f"{role} was asked for {low:g} to {high:g} V while these sources are live: {names}. Pulses and "
                    "another level could add up across a junction: turn the other source off, or to zero, first"
                )
            spans = [wanted, *others.values(), _Span(0.0, 0.0, False)]
            across = max(span.high for span in spans) - min(span.low for span in spans)
            limit = min(self.limits.of_dc(1.0), self.limits.of_dc(-1.0))  # which end is up depends on the relays
            if across > limit:
                raise EnvelopeError(
                    f"{role} at {low:g} to {high:g} V with {names} could put {across:g} V across a junction; the limit "
                    f"for levels that stay is {limit:g} V. Lower one of them"
                )
        if wanted.live and role not in self._spans:
            self._require_rest_of(role)
        self._spans[role] = wanted

    def rest(self, role: str) -> None:
        """The source ``role`` is at rest."""
        self._spans.pop(role, None)

    def _require_rest_of(self, role: str) -> None:
        """Whoever else has a hand on an instrument: its front panel, or another bench on the same address."""
        for name, is_quiet in self._quiet.items():
            if name != role and name not in self._spans and not is_quiet():
                raise EnvelopeError(
                    f"{role} was not turned on: {name} reports a live output, and nothing here asked for it. Look for "
                    f"a hand on its front panel or another program with the same bench, then call off() on {name}"
                )
