"""Guarded sources over real drivers and scripted wires: what is refused is never sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymeasure.test import expected_protocol

from labctl.bench.envelope import Limits
from labctl.bench.guarded import GuardedPulser, GuardedSourceMeter, Observed
from labctl.core.device import Device, PulseGenerator, SourceMeter
from labctl.core.errors import EnvelopeError
from labctl.core.pulses import Phase, PhaseKind, PulsePlan
from labctl_drivers.keithley2400 import Keithley2400
from labctl_drivers.keysight81160a import Keysight81160A

LIMITS = Limits(1.0, 0.5, 100e-9, 0.25, 2e-3)
PULSER = [("*IDN?", "Keysight Technologies,81160A,MY1,1.0")]
METER = [("*IDN?", "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1,C32")]
NO_ERROR = (":SYST:ERR?", '+0,"No error"')


def hold_exchange(sent, read):
    pairs = [*PULSER]
    for command in (":OUTP1 0", ":ARM:SOUR1 MAN"):
        pairs += [(command, None), NO_ERROR]
    pairs.append((":OUTP1?", "0"))
    for command in (":OUTP1:LOAD 5.000000000e+01", ":OUTP1:POL NORM", ":VOLT1:OFFS 0.000000000e+00", ":FUNC1 DC", sent):
        pairs += [(command, None), NO_ERROR]
    return [*pairs, (":VOLT1:OFFS?", read), (":OUTP1 1", None), NO_ERROR, (":OUTP1?", "1")]


def test_guards_play_the_same_roles():
    with expected_protocol(Keysight81160A, PULSER) as pulser, expected_protocol(Keithley2400, METER) as smu:
        assert isinstance(GuardedPulser(pulser, LIMITS, 1.0), PulseGenerator)
        assert isinstance(GuardedSourceMeter(smu, LIMITS), SourceMeter)
        assert isinstance(Observed(smu), Device)
        assert not isinstance(Observed(smu), SourceMeter)


def test_without_a_termination_half_the_volts_are_sent_and_all_of_them_come_back():
    with expected_protocol(Keysight81160A, hold_exchange(":VOLT1:OFFS 1.000000000e-01", "0.1")) as pulser:
        assert GuardedPulser(pulser, LIMITS, gain=2.0).hold(0.2) == pytest.approx(0.2)


def test_capabilities_are_told_at_the_junction():
    with expected_protocol(Keysight81160A, PULSER) as pulser:
        told = GuardedPulser(pulser, LIMITS, gain=2.0).capabilities()
    assert told["max_volts"] == 5.0
    assert told["max_burst_cycles"] == 2147483647


@pytest.mark.parametrize("volts", [0.2501, -0.3, float("nan"), float("inf")])
def test_a_level_beyond_the_envelope_sends_nothing(volts):
    with expected_protocol(Keysight81160A, PULSER) as pulser, pytest.raises(EnvelopeError):
        GuardedPulser(pulser, LIMITS, gain=2.0).hold(volts)


@given(st.floats(-3, 3), st.floats(1e-9, 1e-6))
def test_a_plan_beyond_the_envelope_sends_nothing(volts, width):
    plan = PulsePlan((Phase(PhaseKind.STOCHASTIC, volts, width, 1e-9, 2e-6),))
    beyond = not -0.5 <= volts <= 1.0 or (abs(volts) > 0.25 and width > 100e-9)
    if beyond:
        with expected_protocol(Keysight81160A, PULSER) as pulser, pytest.raises(EnvelopeError):
            GuardedPulser(pulser, LIMITS, gain=1.0).program(plan)


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("apply_volts", (0.3, 1e-6)),
        ("apply_volts", (0.1, 3e-3)),
        ("apply_volts", (float("nan"), 1e-6)),
        ("apply_amps", (3e-3, 0.1)),
        ("apply_amps", (0.0, 21.0)),
    ],
)
def test_levels_and_limits_of_the_source_meter_are_both_checked(method, arguments):
    with expected_protocol(Keithley2400, METER) as smu, pytest.raises(EnvelopeError):
        getattr(GuardedSourceMeter(smu, LIMITS), method)(*arguments)


class Overshooting:
    """A generator that plays more than it was asked for."""

    def __init__(self):
        self.rested = 0

    def program(self, plan):
        return plan.scaled(1.02)

    def hold(self, volts):
        return volts * 1.02

    def safe(self):
        self.rested += 1
        raise OSError("and it is gone")


def test_a_read_back_beyond_the_envelope_turns_the_source_off_and_stays_the_error():
    source = Overshooting()
    guarded = GuardedPulser(source, LIMITS, 1.0)
    with pytest.raises(EnvelopeError, match=r"1\.02 V at the junction") as caught:
        guarded.program(PulsePlan((Phase(PhaseKind.RESET, 1.0, 1e-8, 1e-9, 1e-6),)))
    assert "and it is gone" in caught.value.__notes__[0]
    with pytest.raises(EnvelopeError):
        guarded.hold(0.25)
    assert source.rested == 2
