"""The 81160A driver, exchange by exchange."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymeasure.test import expected_protocol

from labctl.core.device import PulseGenerator
from labctl.core.errors import InstrumentError, InstrumentGone
from labctl.core.pulses import Phase, PhaseKind, PulsePlan
from labctl_drivers.keysight81160a import FULL_SCALE, Keysight81160A
from labctl_drivers.scpi import block
from labctl_drivers.waveform import compile_plan

IDN = "Agilent Technologies,81160A,MY51400001,1.0.3.0-2.6"
PLAN = PulsePlan(
    (
        Phase(PhaseKind.RESET, -0.8, 20e-9, 1e-9, 29e-9),
        Phase(PhaseKind.STOCHASTIC, 0.6, 5e-9, 1e-9, 44e-9),
    )
)


def prepared(script):
    return (
        script.set(":OUTP1 0", ":ARM:SOUR1 MAN")
        .ask(":OUTP1?", "0")
        .set(":OUTP1:LOAD 5.000000000e+01", ":OUTP1:POL NORM", ":VOLT1:OFFS 0.000000000e+00")
    )


def loaded(script, plan=PLAN, high="+8.00E-01", low="-8.00E-01", period="+1.0E-07"):
    codes = compile_plan(plan, 1e-9, FULL_SCALE, 0.025).codes
    data = b":DATA1:DAC VOLATILE," + block(codes.astype(">i2").tobytes()) + b"\n"
    return (
        prepared(script)
        .set(":FUNC1 SIN", ":VOLT1 1.600000000e+00", ":PER1 1.000000000e-07", data)
        .set(":FUNC1:USER VOLATILE", ":FUNC1 USER")
        .ask(":VOLT1:HIGH?", high)
        .ask(":VOLT1:LOW?", low)
        .ask(":PER1?", period)
    )


def test_it_is_a_pulse_generator_and_connecting_only_asks_who_it_is():
    with expected_protocol(Keysight81160A, [("*IDN?", IDN)]) as pulser:
        assert isinstance(pulser, PulseGenerator)


def test_another_model_at_the_address_is_refused_by_name():
    with (
        pytest.raises(InstrumentGone, match=r"expected model 81160A, but Agilent Technologies 33522B \(serial MY1\)"),
        expected_protocol(Keysight81160A, [("*IDN?", "Agilent Technologies,33522B,MY1,2.0")]),
    ):
        pass


def test_program_loads_one_waveform_and_returns_what_reads_back(script):
    exchange = loaded(script(IDN), high="+7.99E-01", low="-7.99E-01")
    with expected_protocol(Keysight81160A, exchange.pairs) as pulser:
        played = pulser.program(PLAN)
    assert played.period_seconds == pytest.approx(100e-9)
    assert played.phases[0].volts == pytest.approx(-0.799, abs=1e-9)
    assert played.phases[1].volts == pytest.approx(0.6 / 0.8 * 0.799, abs=1e-4)


def test_fire_sends_the_count_only_when_it_changes(script):
    exchange = (
        loaded(script(IDN))
        .set(":TRIG1:COUN 1000", ":OUTP1 1")
        .ask(":OUTP1?", "1")
        .set("*TRG", "*TRG", ":TRIG1:COUN 7", "*TRG")
    )
    with expected_protocol(Keysight81160A, exchange.pairs) as pulser:
        pulser.program(PLAN)
        pulser.fire(1000)
        pulser.fire(1000)
        pulser.fire(7)


def test_only_the_amplitude_is_sent_when_only_the_amplitude_changes(script):
    exchange = loaded(script(IDN)).set(":VOLT1 8.000000000e-01")
    exchange.ask(":VOLT1:HIGH?", "0.4").ask(":VOLT1:LOW?", "-0.4").ask(":PER1?", "1e-7")
    with expected_protocol(Keysight81160A, exchange.pairs) as pulser:
        pulser.program(PLAN)
        assert pulser.program(PLAN.scaled(0.5)).phases[0].volts == pytest.approx(-0.4)


def test_a_refused_command_raises_with_its_code_and_text(script):
    exchange = prepared(script(IDN)).refuse(":FUNC1 SIN", '-221,"Settings conflict"', '+0,"No error"')
    with (
        expected_protocol(Keysight81160A, exchange.pairs, name="pulser") as pulser,
        pytest.raises(InstrumentError, match="pulser: ':FUNC1 SIN' was refused: -221, Settings conflict"),
    ):
        pulser.program(PLAN)


def test_a_silently_clipped_level_is_noticed(script):
    exchange = loaded(script(IDN), high="0.5", low="-0.5")
    with (
        expected_protocol(Keysight81160A, exchange.pairs) as pulser,
        pytest.raises(InstrumentError, match=r"upper level was set to 0\.8 V but reads back 0\.5 V"),
    ):
        pulser.program(PLAN)


@pytest.mark.parametrize(
    ("phase", "limit"),
    [
        (Phase(PhaseKind.READ, 2.6, 1e-7, 1e-9, 0), r"can make -2\.5 to 2\.5 V"),
        (Phase(PhaseKind.READ, 0.1, 1e-9, 1e-9, 0), r"can make 1\.5e-09"),
        (Phase(PhaseKind.READ, 0.1, 1e-8, 0.5e-9, 0), r"can make 1e-09"),
        (Phase(PhaseKind.READ, 0.1, 1e-3, 1e-9, 0), "holds 262144"),
        (Phase(PhaseKind.READ, float("nan"), 1e-8, 1e-9, 0), "can make"),
    ],
)
def test_what_it_cannot_make_is_refused_before_anything_is_sent(phase, limit):
    with expected_protocol(Keysight81160A, [("*IDN?", IDN)]) as pulser, pytest.raises(InstrumentError, match=limit):
        pulser.program(PulsePlan((phase,)))


def test_firing_without_a_plan_is_refused():
    with expected_protocol(Keysight81160A, [("*IDN?", IDN)]) as pulser, pytest.raises(InstrumentError, match="program"):
        pulser.fire(1)


def test_hold_sets_the_level_with_the_output_off_and_changes_it_with_the_output_on(script):
    exchange = (
        prepared(script(IDN))
        .set(":FUNC1 DC", ":VOLT1:OFFS 1.000000000e-01")
        .ask(":VOLT1:OFFS?", "+1.00E-01")
        .set(":OUTP1 1")
        .ask(":OUTP1?", "1")
        .set(":VOLT1:OFFS -1.000000000e-01")
        .ask(":VOLT1:OFFS?", "-1.00E-01")
    )
    with expected_protocol(Keysight81160A, exchange.pairs) as pulser:
        assert pulser.hold(0.1) == 0.1
        assert pulser.hold(-0.1) == -0.1


def test_an_output_that_does_not_stay_on_is_an_error(script):
    exchange = loaded(script(IDN)).set(":TRIG1:COUN 1", ":OUTP1 1").ask(":OUTP1?", "0")
    with expected_protocol(Keysight81160A, exchange.pairs) as pulser:
        pulser.program(PLAN)
        with pytest.raises(InstrumentError, match="does not stay on"):
            pulser.fire(1)


@pytest.mark.parametrize(
    ("answers", "quiet"),
    [
        ([(":OUTP1?", "0")], True),
        ([(":OUTP1?", "1"), (":FUNC1?", "USER")], False),
        ([(":OUTP1?", "1"), (":FUNC1?", "DC"), (":VOLT1:OFFS?", "0")], True),
        ([(":OUTP1?", "1"), (":FUNC1?", "DC"), (":VOLT1:OFFS?", "5.06")], False),
    ],
)
def test_quiet_is_what_the_instrument_reports(answers, quiet):
    with expected_protocol(Keysight81160A, [("*IDN?", IDN), *answers]) as pulser:
        assert pulser.is_quiet() is quiet


def test_safe_turns_the_output_off_before_it_looks_at_old_errors(script):
    exchange = script(IDN).ask(":OUTP1?", "1").ask(":FUNC1?", "USER").write(":OUTP1 0", "*CLS")
    exchange.set(":ARM:SOUR1 MAN").ask(":OUTP1?", "0")
    with expected_protocol(Keysight81160A, exchange.pairs) as pulser:
        pulser.safe()


def test_an_output_that_stays_on_is_told(script):
    exchange = script(IDN).set(":OUTP1 0", ":ARM:SOUR1 MAN").ask(":OUTP1?", "1")
    with (
        expected_protocol(Keysight81160A, exchange.pairs) as pulser,
        pytest.raises(InstrumentError, match="still on after ':OUTP1 0'"),
    ):
        pulser.off()


PHASES = st.builds(
    Phase,
    st.sampled_from(list(PhaseKind)),
    st.floats(-2.5, 2.5),
    st.integers(3, 500).map(lambda n: n * 0.9e-9),
    st.floats(1e-9, 2e-9),
    st.floats(0, 1e-6),
)


@given(st.lists(PHASES, min_size=1, max_size=5).map(lambda phases: PulsePlan(tuple(phases))))
def test_samples_keep_the_peak_the_times_and_the_area_of_every_plan(plan):
    waveform = compile_plan(plan, 1e-9, FULL_SCALE, 0.025)
    assert np.abs(waveform.codes).max() <= FULL_SCALE
    assert waveform.level_volts >= plan.peak_volts
    for asked, made in zip(plan.phases, waveform.plan.phases, strict=True):
        assert abs(asked.width_seconds - made.width_seconds) <= 0.5001e-9
        assert made.edge_seconds >= asked.edge_seconds * (1 - 1e-5)
    area = waveform.codes.sum() * waveform.level_volts / FULL_SCALE * 1e-9
    exact = sum(phase.volts * phase.width_seconds for phase in waveform.plan.phases)
    assert area == pytest.approx(exact, abs=waveform.codes.size * waveform.level_volts / FULL_SCALE * 1e-9)
