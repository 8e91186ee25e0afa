"""The envelope: nothing that is accepted exceeds it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.bench.envelope import Limits, check_amps, check_dc, check_plan, front_panel_gain
from labctl.core.errors import EnvelopeError
from labctl.core.pulses import Phase, PhaseKind, PulsePlan

LIMITS = Limits(1.0, 0.5, 100e-9, 0.25, 2e-3)
SECONDS = st.floats(1e-9, 300e-9)
PHASES = st.builds(
    lambda volts, width, edge, gap: Phase(PhaseKind.STOCHASTIC, volts, width, min(edge, width), gap),
    st.one_of(st.floats(-0.25, 0.25), st.floats(-0.55, 1.1)),
    st.floats(1e-9, 110e-9),
    st.floats(0, 2e-9),
    st.one_of(st.just(0.0), SECONDS),
)
PLANS = st.lists(PHASES, min_size=1, max_size=6).map(lambda phases: PulsePlan(tuple(phases)))


def accepted(plan):
    try:
        check_plan(plan, LIMITS)
    except EnvelopeError:
        return False
    return True


@given(PLANS)
def test_no_accepted_plan_exceeds_a_limit(plan):
    if not accepted(plan):
        return
    for phase in plan.phases:
        assert -LIMITS.pulse_negative_volts <= phase.volts <= LIMITS.pulse_positive_volts
        if abs(phase.volts) > LIMITS.dc_volts:
            assert phase.width_seconds <= LIMITS.pulse_width_seconds


@given(PLANS)
def test_no_accepted_plan_stays_above_the_dc_limit_for_longer_than_a_pulse(plan):
    """Pulses without a gap between them are one pulse, across the end of the cycle too."""
    if not accepted(plan):
        return
    lasting, sign = 0.0, 0.0
    for phase in (*plan.phases, *plan.phases):
        strong = abs(phase.volts) > LIMITS.dc_volts
        same = strong and math.copysign(1, phase.volts) == sign
        lasting = (lasting if same else 0.0) + (phase.width_seconds if strong else 0.0)
        sign = math.copysign(1, phase.volts) if strong else 0.0
        assert lasting <= LIMITS.pulse_width_seconds * 1.000001
        if phase.gap_seconds > 0:
            lasting, sign = 0.0, 0.0


@given(PLANS, st.floats(0.0, 1.0))
def test_a_weaker_plan_is_never_refused_where_a_stronger_one_is_accepted(plan, factor):
    if not accepted(plan):
        return
    assert accepted(plan.scaled(factor))


@given(st.lists(st.floats(-0.25, 0.25), min_size=1, max_size=4), st.floats(1e-9, 1e-3))
def test_whatever_may_stay_may_be_played(volts, width):
    phases = tuple(Phase(PhaseKind.READ, level, width, 0.0, 0.0) for level in volts)
    check_plan(PulsePlan(phases), LIMITS)


def pulse(volts, width, gap, kind=PhaseKind.STOCHASTIC):
    return Phase(kind, volts, width, 1e-9, gap)


@pytest.mark.parametrize(
    ("phases", "fine"),
    [
        ([pulse(1.0, 99.5e-9, 200e-9)], True),
        ([pulse(1.0, 100e-9, 200e-9)], False),  # with its edges it is above dc_volts for 100.5 ns
        ([pulse(1.0001, 100e-9, 200e-9)], False),
        ([pulse(-0.5, 100e-9, 200e-9)], True),
        ([pulse(-0.51, 100e-9, 200e-9)], False),
        ([pulse(0.26, 101e-9, 1.0)], False),
        ([pulse(0.25, 1.0, 0.0)], True),
        ([pulse(0.9, 60e-9, 0.0), pulse(0.9, 60e-9, 500e-9)], False),
        ([pulse(0.9, 40e-9, 0.0), pulse(0.9, 40e-9, 500e-9)], True),
        ([pulse(0.9, 60e-9, 0.0), pulse(-0.4, 60e-9, 500e-9)], True),
        # on for most of every cycle: a level that stays
        ([pulse(0.9, 60e-9, 10e-9)], False),
        ([pulse(0.9, 60e-9, 70e-9)], True),
        # the cycle's last pulse runs into its first
        ([pulse(0.9, 60e-9, 200e-9), pulse(0.1, 10e-9, 200e-9), pulse(0.9, 60e-9, 0.0)], False),
        # a short pulse of the other polarity is no rest
        ([pulse(0.9, 60e-9, 0.0), pulse(-0.4, 2e-9, 0.0), pulse(0.9, 60e-9, 500e-9)], False),
        # reset, perturb, read
        ([pulse(-0.5, 50e-9, 30e-9), pulse(0.9, 5e-9, 50e-9), pulse(0.1, 200e-9, 50e-9)], True),
    ],
)
def test_plans_at_the_edge(phases, fine):
    assert accepted(PulsePlan(tuple(phases))) is fine


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(bad):
    for check in (check_dc, check_amps):
        with pytest.raises(EnvelopeError, match="no amount of anything"):
            check(bad, LIMITS)
    with pytest.raises(EnvelopeError, match="no amount of anything"):
        check_plan(PulsePlan((pulse(bad, 1e-8, 1e-6),)), LIMITS)


@given(st.floats(-10, 10))
def test_levels_and_currents_keep_their_limits_in_both_directions(value):
    for check, limit in ((check_dc, LIMITS.dc_volts), (check_amps, LIMITS.amps)):
        if abs(value) <= limit:
            check(value, LIMITS)
        else:
            with pytest.raises(EnvelopeError, match=r"\[limits\]"):
                check(value, LIMITS)


@given(st.floats(1e-3, 1e9), st.floats(0, 60))
def test_the_unloaded_junction_is_the_worst_case(termination, attenuation):
    gain = front_panel_gain(termination, attenuation)
    assert 0 < gain <= 2.0
    assert gain <= front_panel_gain(math.inf, attenuation)


@pytest.mark.parametrize(
    ("termination", "attenuation", "gain"),
    [(50.0, 0.0, 1.0), (math.inf, 0.0, 2.0), (50.0, 20.0, 0.1), (100.0, 0.0, 4 / 3)],
)
def test_gains(termination, attenuation, gain):
    assert front_panel_gain(termination, attenuation) == pytest.approx(gain)
