"""CALCulate1 and 2, the source memory and the digital port of the source-meter. Through PyVISA."""

import numpy as np
import pytest

NO_ERROR = '0,"No error"\n'


@pytest.fixture
def smu(bench):
    bench.route(smu=0)
    bench.smu.write(':SENS:FUNC "VOLT","CURR";:SENS:CURR:PROT 1e-3;:SOUR:VOLT 0.1;:FORM:ELEM VOLT,CURR')
    return bench.smu


def numbers(text):
    return [float(number) for number in text.split(",")]


def code(smu):
    return int(smu.query(":SYST:ERR?").split(",")[0])


def test_power_is_the_expression_after_reset_and_needs_math_to_be_on(smu):
    smu.write(":OUTP ON")
    volts, amps = numbers(smu.query(":READ?"))
    assert numbers(smu.query(":CALC:DATA?")) == [9.91e37]
    smu.write(":CALC1:STAT ON")
    assert numbers(smu.query(":CALC1:DATA?"))[0] == pytest.approx(volts * amps, rel=1e-5)
    assert smu.query(":CALC:MATH:NAME?") == '"POWER"\n'


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("(VOLT * 0 + 2 ^ 3)", lambda v, i: 8.0),
        ("(VOLTage / CURRent)", lambda v, i: v / i),
        ("(ln(exp(1)) - volt)", lambda v, i: 1 - v),
        ("(-(VOLT - 1) * log(100))", lambda v, i: -2 * (v - 1)),
        ("(RES + 1)", lambda v, i: 9.91e37),  # ohms are not measured
        ("(1 / (VOLT - VOLT))", lambda v, i: 9.91e37),
    ],
)
def test_expressions_of_ones_own(smu, text, value):
    smu.write(f':CALC:MATH:NAME "MINE";:CALC:MATH {text};:CALC:STAT ON;:OUTP ON')
    volts, amps = numbers(smu.query(":READ?"))
    assert numbers(smu.query(":CALC:DATA?"))[0] == pytest.approx(value(volts, amps), rel=1e-4, abs=1e-9)
    assert '"MINE"' in smu.query(":CALC:MATH:CAT?")
    smu.write(':CALC:MATH:DEL "MINE"')
    assert smu.query(":CALC:MATH:NAME?") == '"POWER"\n'
    assert smu.query(":SYST:ERR?") == NO_ERROR


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (":CALC:MATH (VOLT)", 807),
        (':CALC:MATH:DEL "POWER"', 808),
        (':CALC:MATH:DEL "NONE"', 806),
        (':CALC:MATH:NAME "MINE";:CALC:MATH (__import__("os"))', -171),
        (':CALC:MATH:NAME "MINE";:CALC:MATH (VOLT.real)', -171),
        (':CALC:MATH:NAME "MINE";:CALC:MATH (((VOLT)', -171),
        (':CALC:MATH:NAME "MINE";:CALC:MATH VOLT', -171),
        (':CALC:MATH:NAME "A";NAME "B";NAME "C";NAME "D";NAME "E";NAME "F"', 804),
        (":CALC2:LIM13:STAT ON", -113),
        (":CALC2:NULL:ACQ", -230),
        (":SOUR2:TTL 16", -222),
        (":SOUR:MEM:SAVE 101", -222),
        (":SOUR:MEM:POIN 0", -222),
    ],
)
def test_what_is_refused(smu, message, error):
    smu.write(message)
    assert code(smu) == error


def test_elements_of_a_sweep_give_one_result_for_all(smu):
    smu.write(':CALC:MATH:NAME "OFFCOMPOHM";:CALC:STAT ON;:SOUR:VOLT:MODE LIST;:SOUR:LIST:VOLT 0.02,0.1;:TRIG:COUN 2')
    smu.write(":OUTP ON")
    v0, i0, v1, i1 = numbers(smu.query(":READ?"))
    assert numbers(smu.query(":CALC:DATA?")) == pytest.approx([(v1 - v0) / (i1 - i0)], rel=1e-3)


def test_the_null_value_is_taken_from_the_feed(smu):
    smu.write(":CALC2:FEED CURR;:OUTP ON")
    _, amps = numbers(smu.query(":READ?"))
    assert numbers(smu.query(":CALC2:DATA?")) == [pytest.approx(amps)]
    smu.write(":CALC2:NULL:ACQ")
    assert smu.query(":CALC2:NULL:STAT?") == "1\n"
    assert numbers(smu.query(":CALC2:NULL:OFFS?")) == [pytest.approx(amps)]
    _, amps_then = numbers(smu.query(":READ?"))
    assert numbers(smu.query(":CALC2:DATA?"))[0] == pytest.approx(amps_then - amps, abs=1e-11)


def test_a_limit_that_fails_is_in_the_event_register_and_so_is_one_that_passes(smu):
    smu.write(":CALC2:FEED VOLT;LIM2:UPP 0.05;LOW 0;STAT ON;:OUTP ON")
    smu.query(":READ?")
    assert smu.query(":CALC2:LIM2:FAIL?") == "1\n"
    assert int(smu.query(":STAT:MEAS?")) & 0b111111 == 4  # HL2
    smu.write(":CALC2:LIM2:UPP 1")
    smu.query(":READ?")
    assert smu.query(":CALC2:LIM2:FAIL?") == "0\n"
    assert int(smu.query(":STAT:MEAS?")) & 0b111111 == 32  # LP


def test_compliance_is_the_first_limit(smu):
    smu.write(":SENS:CURR:PROT 1e-6;:CALC2:LIM1:STAT ON;:OUTP ON")
    smu.query(":READ?")
    assert smu.query(":CALC2:LIM1:FAIL?") == "1\n"
    assert int(smu.query(":STAT:MEAS?")) & 1


def test_the_buffer_can_be_fed_with_what_was_calculated(smu):
    smu.write(":CALC:STAT ON;:TRAC:FEED CALC1;POIN 4;FEED:CONT NEXT;:TRIG:COUN 4;:OUTP ON")
    readings = np.array(numbers(smu.query(":READ?"))).reshape(4, 2)
    np.testing.assert_allclose(numbers(smu.query(":TRAC:DATA?")), readings.prod(axis=1), rtol=1e-4)
    smu.write(":FORM:ELEM:CALC TIME,CALC")
    with_times = np.array(numbers(smu.query(":TRAC:DATA?"))).reshape(4, 2)  # always in this order
    assert with_times[0, 1] == 0
    assert (np.diff(with_times[:, 1]) > 0).all()
    assert numbers(smu.query(":CALC3:DATA?")) == pytest.approx([readings.prod(axis=1).mean()], rel=1e-4)


def test_a_sweep_goes_through_the_source_memory(smu):
    for place, volts in enumerate((0.02, 0.05, 0.1), 1):
        smu.write(f":SOUR:VOLT {volts};:SOUR:MEM:SAVE {place}")
    smu.write("*RST;:SENS:CURR:PROT 1e-3;:FORM:ELEM VOLT;:SOUR:MEM:POIN 3;STAR 1;:SOUR:FUNC MEM;:TRIG:COUN 3;:OUTP ON")
    assert smu.query(":SOUR:FUNC?") == "MEM\n"
    np.testing.assert_allclose(numbers(smu.query(":READ?")), [0.02, 0.05, 0.1], atol=2e-5)
    smu.write(":SOUR:FUNC VOLT;:SOUR:MEM:REC 2")
    assert numbers(smu.query(":SOUR:VOLT?")) == [0.05]
    assert smu.query(":OUTP?") == "0\n"


def test_registers_and_the_port_in_any_radix(smu):
    smu.write(":SOUR2:BSIZ 16;TTL 20;:FORM:SREG HEX;SOUR2 BIN")
    assert smu.query(":SOUR2:TTL:ACT?") == "#B10100\n"
    assert smu.query(":STAT:OPER:COND?").startswith("#H")


def test_ranges_go_up_and_down_by_word(smu):
    smu.write(":SOUR:VOLT:RANG 2;RANG UP")
    assert numbers(smu.query(":SOUR:VOLT:RANG?")) == [20]
    smu.write(":SOUR:VOLT:RANG DOWN;RANG DOWN;RANG DOWN")
    assert numbers(smu.query(":SOUR:VOLT:RANG?")) == [0.2]
    smu.write(":SENS:CURR:RANG:AUTO:LLIM 1e-4;:OUTP ON")
    smu.query(":READ?")
    assert numbers(smu.query(":SENS:CURR:RANG?")) == [1e-4]
    assert numbers(smu.query(":SENS:CURR:RANG:AUTO:ULIM?")) == [1e-3]


def test_the_output_can_stay_on_until_the_last_of_the_triggers(smu):
    smu.write(":SOUR:CLE:AUTO ON;:SOUR:CLE:AUTO:MODE TCO;:TRIG:COUN 3")
    assert len(numbers(smu.query(":READ?"))) == 6
    assert smu.query(":OUTP?;:SYST:ERR?") == f"0;{NO_ERROR}"
