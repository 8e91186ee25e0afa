"""What all sources together put on the array: two of them may stand at the two ends of one junction."""

from __future__ import annotations

from dataclasses import dataclass

from labctl.bench.envelope import Limits
from labctl.core.errors import EnvelopeError


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

    Where relays put them is not looked at, so that no routing can make a sum harmless on paper only.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._spans: dict[str, _Span] = {}

    def admit(self, role: str, low: float, high: float, *, pulsed: bool = False) -> None:
        """Take down that the source ``role`` is about to give ``low`` to ``high`` volts at the junction.

        Raises EnvelopeError if, with the other sources as they are, more than the limit for levels that stay could
        stand across a junction; or if pulses meet another source that is not at zero. Nothing is taken down then.
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
            if across > self._limits.dc_volts:
                raise EnvelopeError(
                    f"{role} at {low:g} to {high:g} V with {names} could put {across:g} V across a junction; the limit "
                    f"for levels that stay is {self._limits.dc_volts:g} V. Lower one of them"
                )
        self._spans[role] = wanted

    def rest(self, role: str) -> None:
        """The source ``role`` is at rest."""
        self._spans.pop(role, None)
