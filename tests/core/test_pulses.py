"""A pulse plan's times and waveform."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.core.pulses import Phase, PhaseKind, PulsePlan, Timing

phases = st.builds(
    lambda kind, volts, width, edge, gap: Phase(kind, volts, width, edge * width, gap),
    st.sampled_from(PhaseKind),
    st.floats(-2, 2),
    st.floats(1e-9, 1e-6),
    st.floats(0, 1),
    st.floats(0, 1e-6),
)
plans = st.lists(phases, min_size=1, max_size=5).map(lambda found: PulsePlan(tuple(found)))

PLAN = PulsePlan(
    (
        Phase(PhaseKind.STOCHASTIC, 0.9, 20e-9, 2e-9, 100e-9),
        Phase(PhaseKind.READ, 0.1, 200e-9, 2e-9, 100e-9),
    )
)


def test_the_width_is_at_half_maximum_and_the_edges_are_linear():
    times = np.array([0, 1, 2, 10, 20, 21, 22, 60]) * 1e-9
    assert PLAN.volts_at(times) == pytest.approx([0, 0.45, 0.9, 0.9, 0.9, 0.45, 0, 0], abs=1e-9)
    assert PLAN.period_seconds == pytest.approx(424e-9)


def test_the_flat_top_of_the_read_is_where_a_digitizer_may_sample():
    start, stop = PLAN.flat_top(PhaseKind.READ)
    assert (start, stop) == (pytest.approx(124e-9), pytest.approx(322e-9))
    assert PLAN.volts_at(np.linspace(start, stop, 50)) == pytest.approx(0.1)
    with pytest.raises(KeyError):
        PLAN.flat_top(PhaseKind.RESET)


@given(plans, st.floats(-3, 3))
def test_scaling_scales_the_waveform_and_nothing_else(plan, factor):
    times = np.linspace(0, plan.period_seconds, 37)
    assert plan.scaled(factor).volts_at(times) == pytest.approx(factor * plan.volts_at(times), abs=1e-12)
    assert plan.scaled(factor).period_seconds == plan.period_seconds


@given(plans)
def test_the_area_of_a_pulse_is_its_height_times_its_width(plan):
    corners = np.concatenate([[0.0], np.cumsum([p.duration_seconds for p in plan.phases])])
    for phase, start in zip(plan.phases, corners[:-1], strict=True):
        times = start + np.linspace(0, phase.width_seconds + phase.edge_seconds, 20001)
        area = np.trapezoid(PulsePlan((phase,)).volts_at(times - start), times)
        assert area == pytest.approx(phase.volts * phase.width_seconds, rel=2e-3, abs=1e-15)


@pytest.mark.parametrize("times", [(0.0, 0, 0), (1e-9, -1e-9, 0), (1e-9, 2e-9, 0), (1e-9, 0, -1e-9)])
def test_impossible_times_are_refused(times):
    width, edge, gap = times
    with pytest.raises(ValueError, match=r"a phase needs|does not fit"):
        Phase(PhaseKind.READ, 0.1, width, edge, gap)


def test_a_plan_needs_a_phase():
    with pytest.raises(ValueError, match="at least one phase"):
        PulsePlan(())


@given(plans)
def test_phases_played_apart_have_a_trigger_and_a_clock_each(plan):
    apart = PulsePlan(plan.phases, Timing.APART)
    assert (plan.triggers, apart.triggers) == (1, len(plan.phases))
    for phase in plan.phases:
        index = apart.trigger_of(phase.kind)
        first = plan.phases[index]
        assert first.kind == phase.kind
        assert plan.trigger_of(phase.kind) == 0
        assert apart.flat_top(phase.kind) == PulsePlan((first,)).flat_top(phase.kind)
    assert apart.scaled(2.0).timing is Timing.APART
