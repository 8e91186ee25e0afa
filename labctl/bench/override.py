"""Other limits than the station's, for a while: asked for by name, with a reason, and written down first."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from labctl.bench.limits import Limits
from labctl.core.errors import EnvelopeError
from labctl.core.procedure import Scalar


@dataclass(frozen=True)
class Override:
    """Who has other ``limits`` than the station's, why, and until when on the bench's clock."""

    name: str
    reason: str
    limits: Limits
    ends_seconds: float

    def __post_init__(self) -> None:
        for what, text in (("name", self.name), ("reason", self.reason)):
            if not isinstance(text, str) or not text.strip():
                raise EnvelopeError(
                    f"an override without a {what} was asked for; give the name of the person who answers for the "
                    "sample, and the reason"
                )
        if not math.isfinite(self.ends_seconds):
            raise EnvelopeError(f"an override until {self.ends_seconds} s was asked for; give the seconds it may last")
        named = asdict(self.limits)
        named |= {
            f"shorter {n} {key}": value for n, row in enumerate(named.pop("shorter"), 1) for key, value in row.items()
        }
        wrong = [
            f"{key} is {value:g}"
            for key, value in named.items()
            if value is not None and not (value > 0 and (math.isfinite(value) or key == "dose_volt_seconds"))
        ]
        wrong += [f"{key} {text}" for key, text in self.limits.contradictions()]
        if wrong:
            raise EnvelopeError(f"the limits of the override by {self.name} cannot be meant: {'; '.join(wrong)}")

    def record(self) -> dict[str, Scalar]:
        """Plain values, fit for a journal and for provenance; limits as ``limits_<key>``."""
        limits = asdict(self.limits)
        shorter = "; ".join(
            f"{each.width_seconds:g} s: +{each.positive_volts:g} V, -{each.negative_volts:g} V"
            for each in self.limits.shorter
        )
        limits["shorter"] = shorter or None
        if math.isinf(self.limits.dose_volt_seconds):
            limits["dose_volt_seconds"] = None
        return {
            "name": self.name,
            "reason": self.reason,
            "ends_seconds": self.ends_seconds,
            **{f"limits_{key}": value for key, value in limits.items()},
        }
