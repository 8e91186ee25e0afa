"""The envelope: what the junction may see, and refusing everything else before it is sent.

All volts here are volts at the junction, reckoned for a junction of infinite resistance. A real one loads the
50 ohm source and sees a little less, so what is checked is an upper bound of what is applied.
"""

from __future__ import annotations

import math

from labctl.bench.limits import Limits
from labctl.core.errors import EnvelopeError
from labctl.core.pulses import PulsePlan

SOURCE_OHMS = 50.0

READ_BACK_SLACK = 0.005
"""How far a level that reads back may pass its limit: instruments round what was asked, to less than this."""


def front_panel_gain(termination_ohms: float, attenuation_db: float, series_ohms: float = 0.0) -> float:
    """Volts at an unloaded junction per volt on the front panel of a 50 ohm source set for a 50 ohm load.

    Without a termination (``inf``) the junction sees twice the set voltage. ``series_ohms`` stand between the source
    and the termination; a resistor after it, next to the junction, takes nothing from an unloaded one: leave it out.

    >>> front_panel_gain(50.0, 0.0), front_panel_gain(math.inf, 0.0)
    (1.0, 2.0)
    """
    divider = 1.0 if math.isinf(termination_ohms) else termination_ohms / (SOURCE_OHMS + series_ohms + termination_ohms)
    return float(2.0 * divider * 10.0 ** (-attenuation_db / 20.0))


def check_plan(plan: PulsePlan, limits: Limits, slack: float = 0.0) -> None:
    """Raise EnvelopeError if ``plan``, played back to back, could exceed ``limits`` (by more than ``slack``)."""
    for phase in plan.phases:
        _finite("the plan", phase.volts, phase.width_seconds, phase.edge_seconds, phase.gap_seconds)
    for phase in plan.phases:
        limit = limits.of_pulse(phase.volts)
        if abs(phase.volts) > limit * (1 + slack):
            raise EnvelopeError(
                f"the {phase.kind} pulse of {phase.volts:g} V at the junction exceeds the limit of {limit:g} V for "
                "this polarity; lower it, or have the [limits] of the station widened by whoever answers for the sample"
            )
    for sign in (1.0, -1.0):
        for level, allowed in limits.steps(sign):
            seconds = _stress_seconds(plan, sign, level * (1 + slack))
            if seconds > allowed * (1 + slack):
                which = "positive" if sign > 0 else "negative"
                lasting = "for ever" if math.isinf(seconds) else f"for {seconds:g} s"
                raise EnvelopeError(
                    f"the {which} pulses of this plan, played back to back, stress the junction above {level:g} V "
                    f"{lasting}; {allowed:g} s are allowed. Shorten or lower them, or leave gaps at least as long as "
                    "the pulses"
                )


def stress_volt_seconds(plan: PulsePlan, limits: Limits) -> float:
    """What one cycle adds to the dose: volts times seconds of every pulse above the DC limit of its polarity."""
    return sum(
        abs(phase.volts) * (phase.width_seconds + phase.edge_seconds)
        for phase in plan.phases
        if abs(phase.volts) > limits.of_dc(phase.volts)
    )


def check_dc(volts: float, limits: Limits, slack: float = 0.0) -> None:
    """Raise EnvelopeError if ``volts`` may not stay on the junction."""
    _finite("the level", volts)
    limit = limits.of_dc(volts)
    if abs(volts) > limit * (1 + slack):
        raise EnvelopeError(
            f"{volts:g} V at the junction exceeds the limit of {limit:g} V for levels that stay; "
            "lower it, or have the [limits] of the station file widened by whoever answers for the sample"
        )


def check_amps(amps: float, limits: Limits, slack: float = 0.0) -> None:
    """Raise EnvelopeError if ``amps`` may not flow through a line."""
    _finite("the current", amps)
    if abs(amps) > limits.amps * (1 + slack):
        raise EnvelopeError(
            f"{amps:g} A exceed the limit of {limits.amps:g} A through a line; lower the current or its limit, "
            "or have the [limits] of the station file widened by whoever answers for the sample"
        )


def _stress_seconds(plan: PulsePlan, sign: float, dc_volts: float) -> float:
    """The longest stress of one polarity above ``dc_volts``, in seconds, when ``plan`` is played back to back.

    Stress adds up while such a pulse lasts and is forgotten as fast while none does: a single pulse counts with its
    width, or with the time for which its trapezoid is above if that is longer, pulses that follow too closely count
    together, and a train that is on for more than half of the time counts as a level that stays.
    """
    on = [
        phase.width_seconds + phase.edge_seconds * max(0.0, 1 - 2 * dc_volts / abs(phase.volts))
        if sign * phase.volts > dc_volts
        else 0.0
        for phase in plan.phases
    ]
    if sum(on) > plan.period_seconds / 2:
        return math.inf
    stress = most = 0.0
    # twice over, because the second cycle starts with the rest of the first
    for phase, seconds in zip(plan.phases * 2, on * 2, strict=True):
        most = max(most, stress + seconds)
        rest = phase.gap_seconds if seconds else phase.duration_seconds
        stress = max(0.0, stress + seconds - rest)
    return most


def _finite(what: str, *values: float) -> None:
    for value in values:
        if not math.isfinite(value):
            raise EnvelopeError(f"{what} contains {value}, which is no amount of anything; nothing was sent")
