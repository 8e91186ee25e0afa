"""The 2400 driver, exchange by exchange."""

import pytest
from pymeasure.test import expected_protocol

from labctl.core.device import Reading, SourceMeter
from labctl.core.errors import InstrumentError
from labctl_drivers.keithley2400 import Keithley2400
from labctl_drivers.source_meter import range_for

IDN = "KEITHLEY INSTRUMENTS INC.,MODEL 2400,1234567,C32   Oct  4 2010 14:20:11/A02  /S/K"
ERRORS = (":SYST:ERR?", '0,"No error"')


def sourcing_volts(script, level="1.000000000e-01", reads="+1.000000E-01", limit="+1.000000E-05"):
    return (
        script(IDN, ERRORS)
        .ask(":SOUR:FUNC?", "VOLT")
        .set(":SOUR:VOLT 0.000000000e+00", ":OUTP 0")
        .ask(":OUTP?", "0")
        .set(":SOUR:FUNC VOLT", ":SOUR:VOLT:MODE FIX", ":SYST:RSEN 0", ":OUTP:SMOD NORM", ":SENS:FUNC:CONC ON")
        .set(":SENS:FUNC 'VOLT:DC'", ":SENS:FUNC 'CURR:DC'", ":SENS:CURR:NPLC 1.000000000e+00")
        .set(":FORM:ELEM VOLT,CURR,TIME,STAT", ":ARM:COUN 1", ":TRIG:COUN 1")
        .set(":SENS:CURR:RANG 1.000000000e-06", ":SENS:CURR:PROT 1.000000000e-05", ":SENS:CURR:RANG:AUTO ON")
        .ask(":SENS:CURR:PROT?", limit)
        .set(":SOUR:VOLT:RANG 2.000000000e-01", f":SOUR:VOLT {level}")
        .ask(":SOUR:VOLT?", reads)
        .set(":OUTP 1")
        .ask(":OUTP?", "1")
    )


def test_it_is_a_source_meter():
    with expected_protocol(Keithley2400, [("*IDN?", IDN)]) as smu:
        assert isinstance(smu, SourceMeter)


def test_range_and_limit_come_before_the_level_and_the_level_before_the_output(script):
    exchange = sourcing_volts(script)
    with expected_protocol(Keithley2400, exchange.pairs) as smu:
        assert smu.apply_volts(0.1, 1e-5) == 0.1


def test_only_the_level_is_sent_when_only_the_level_changes(script):
    exchange = sourcing_volts(script).set(":SOUR:VOLT 5.000000000e-02").ask(":SOUR:VOLT?", "+5.000000E-02")
    with expected_protocol(Keithley2400, exchange.pairs) as smu:
        smu.apply_volts(0.1, 1e-5)
        assert smu.apply_volts(0.05, 1e-5) == 0.05


def test_ranges_and_limits_change_at_zero_volts(script):
    exchange = (
        sourcing_volts(script)
        .set(":SOUR:VOLT 0.000000000e+00")
        .ask(":SOUR:VOLT?", "0")
        .set(":SENS:CURR:RANG 1.000000000e-06", ":SENS:CURR:PROT 1.000000000e-05", ":SENS:CURR:RANG:AUTO ON")
        .ask(":SENS:CURR:PROT?", "1e-5")
        .set(":SOUR:VOLT:RANG 2.000000000e+00", ":SOUR:VOLT 5.000000000e-01")
        .ask(":SOUR:VOLT?", "0.5")
    )
    with expected_protocol(Keithley2400, exchange.pairs) as smu:
        smu.apply_volts(0.1, 1e-5)
        smu.apply_volts(0.5, 1e-5)


def test_after_off_the_limit_is_read_again_before_the_output_goes_on(script):
    exchange = (
        sourcing_volts(script)
        .ask(":SOUR:FUNC?", "VOLT")
        .set(":SOUR:VOLT 0.000000000e+00", ":OUTP 0")
        .ask(":OUTP?", "0")
        .ask(":SENS:CURR:PROT?", "+1.050000E-04")
    )
    with expected_protocol(Keithley2400, exchange.pairs) as smu:
        smu.apply_volts(0.1, 1e-5)
        smu.off()
        with pytest.raises(InstrumentError, match=r"limit was set to 1e-05 A but reads back 0\.000105 A"):
            smu.apply_volts(0.1, 1e-5)


@pytest.mark.parametrize(
    ("reply", "reading"),
    [
        ("+1.000206E-01,+3.310000E-06,+7.282600E+02,+2.150800E+04", Reading(0.1000206, 3.31e-6, False, 728.26)),
        ("+1.0E-01,+9.910000E+37,+1.0E+00,+0.0E+00", Reading(0.1, None, False, 1.0)),
        ("+1.0E-01,+1.0E-05,+1.0E+00,+8.000000E+00", Reading(0.1, 1e-5, True, 1.0)),
        ("+1.0E-01,+1.05E-06,+1.0E+00,+6.553600E+04", Reading(0.1, 1.05e-6, True, 1.0)),
    ],
)
def test_readings(script, reply, reading):
    exchange = sourcing_volts(script).ask(":READ?", reply)
    with expected_protocol(Keithley2400, exchange.pairs) as smu:
        smu.apply_volts(0.1, 1e-5)
        assert smu.measure() == reading


@pytest.mark.parametrize("reply", ["+1.0E-01,+1.0E-05", "+1.0E-01,garbage,+1.0E+00,+0.0E+00", ""])
def test_a_reply_that_is_no_reading_is_an_error(script, reply):
    exchange = sourcing_volts(script).ask(":READ?", reply)
    with expected_protocol(Keithley2400, exchange.pairs) as smu:
        smu.apply_volts(0.1, 1e-5)
        with pytest.raises(InstrumentError, match=":READ"):
            smu.measure()


def test_measuring_with_the_output_off_is_refused_here():
    with expected_protocol(Keithley2400, [("*IDN?", IDN)]) as smu, pytest.raises(InstrumentError, match="output off"):
        smu.measure()


def test_apply_amps_limits_volts(script):
    exchange = (
        script(IDN, ERRORS)
        .ask(":SOUR:FUNC?", "CURR")
        .set(":SOUR:CURR 0.000000000e+00", ":OUTP 0")
        .ask(":OUTP?", "0")
        .set(":SOUR:FUNC CURR", ":SOUR:CURR:MODE FIX", ":SYST:RSEN 1", ":OUTP:SMOD NORM", ":SENS:FUNC:CONC ON")
        .set(":SENS:FUNC 'CURR:DC'", ":SENS:FUNC 'VOLT:DC'", ":SENS:CURR:NPLC 1.000000000e-01")
        .set(":FORM:ELEM VOLT,CURR,TIME,STAT", ":ARM:COUN 1", ":TRIG:COUN 1")
        .set(":SENS:VOLT:RANG 2.000000000e-01", ":SENS:VOLT:PROT 2.500000000e-01", ":SENS:VOLT:RANG:AUTO ON")
        .ask(":SENS:VOLT:PROT?", "0.25")
        .set(":SOUR:CURR:RANG 1.000000000e-06", ":SOUR:CURR 0.000000000e+00")
        .ask(":SOUR:CURR?", "0")
        .set(":OUTP 1")
        .ask(":OUTP?", "1")
    )
    with expected_protocol(Keithley2400, exchange.pairs, nplc=0.1, four_wire=True) as smu:
        assert smu.apply_amps(0.0, 0.25) == 0.0


OFF = (":SOUR:VOLT 0", ":SOUR:CURR 0", ":OUTP 0", "*CLS")


FOUND = [(":OUTP?", "1"), (":SOUR:FUNC?", "VOLT")]


@pytest.mark.parametrize(
    "answers",
    [
        [(":OUTP?", "what?")],
        [(":OUTP?", "1"), (":SOUR:FUNC?", "VO")],
        [*FOUND, (":SOUR:VOLT?", "+1.990000E-01"), (":SOUR:VOLT?", "+1.990000E+01")],
        [*FOUND, (":SOUR:VOLT?", "+1.990"), (":SOUR:VOLT?", "+1.990")],
    ],
)
def test_a_way_to_zero_begins_at_no_level_that_is_not_certain_and_the_output_goes_off_all_the_same(script, answers):
    exchange = script(IDN, ERRORS)
    exchange.pairs += answers
    exchange.write(*OFF).ask(":OUTP?", "0")
    with expected_protocol(Keithley2400, exchange.pairs) as smu, pytest.raises(InstrumentError, match="answered"):
        smu.safe()


def test_a_level_goes_to_zero_in_steps_before_the_output_goes_off(script):
    exchange = script(IDN, ERRORS)
    exchange.pairs += [*FOUND, *[(":SOUR:VOLT?", "-1.200000E-01")] * 2]
    exchange.write(*[f":SOUR:VOLT {volts:.9e}" for volts in (-0.08, -0.04, 0.0)], *OFF).ask(":OUTP?", "0")
    with expected_protocol(Keithley2400, exchange.pairs) as smu:
        smu.safe()


def test_safe_clears_the_device_first_because_a_sweep_holds_back_outp_off(script):
    exchange = script(IDN, ERRORS).ask(":OUTP?", "0").write(*OFF).ask(":OUTP?", "0")
    with expected_protocol(Keithley2400, exchange.pairs) as smu:
        smu.safe()
        assert smu.adapter.connection.clear.called


def test_safe_aborts_where_the_connection_cannot_clear(script):
    exchange = script(IDN, ERRORS).write(":ABOR").ask(":OUTP?", "0").write(*OFF).ask(":OUTP?", "0")
    with expected_protocol(Keithley2400, exchange.pairs) as smu:
        smu.adapter.connection.clear.side_effect = NotImplementedError
        smu.safe()


@pytest.mark.parametrize(
    ("answers", "quiet"),
    [
        ([(":OUTP?", "0")], True),
        ([(":OUTP?", "1"), (":SOUR:FUNC?", "VOLT"), (":SOUR:VOLT?", "+0.000000E+00")], True),
        ([(":OUTP?", "1"), (":SOUR:FUNC?", "VOLT"), (":SOUR:VOLT?", "+1.000000E-01")], False),
        ([(":OUTP?", "1"), (":SOUR:FUNC?", '"CURR"')], False),
    ],
)
def test_quiet_is_what_the_instrument_reports(answers, quiet):
    with expected_protocol(Keithley2400, [("*IDN?", IDN), *answers]) as smu:
        assert smu.is_quiet() is quiet


def test_no_message_that_resets_the_compliance_is_ever_sent(script):
    sent = " ".join(str(pair[0]) for pair in sourcing_volts(script).pairs).upper()
    assert "MEAS" not in sent
    assert "CONF" not in sent


@pytest.mark.parametrize(("value", "full"), [(0, 1e-6), (1.05e-6, 1e-6), (-1.06e-6, 1e-5), (1.05, 1.0)])
def test_ranges(value, full):
    assert range_for(value, Keithley2400.reach.amp_ranges, over_range=1.05) == full
