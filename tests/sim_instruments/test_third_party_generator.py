"""What other projects' drivers send to a pulse generator: PyInstru's ATPG1074, open 81160A and 81150A code."""

import pytest


@pytest.fixture
def pg(station, opened):
    return opened(station(pulser='"labctl_sim.pg1074:PG1074"')).pulser


@pytest.mark.parametrize(
    ("command", "value", "reply"),
    [
        ("TRIG:MODE", "SINGle", "SINGLE"), ("TRIG:SOUR", "MANual", "MANUAL"), ("TRIG:SLOPe", "falling", "FALLING"),
        ("TRIG:OUTP:POL", "positive", "POSITIVE"), ("OUTP1:PULS:MODE", "TRIPle", "TRIPLE"),
    ],
)  # fmt: skip
def test_pyinstru_reads_whole_words(pg, command, value, reply):
    pg.write(f"{command} {value}")
    assert pg.query(f"{command}?").strip() == reply
    assert pg.query("SYST:ERR?").strip() == '0,"No error"'


def test_pyinstru_sends_a_pulse(pg):
    pg.write("*RST;:stat:pres")
    pg.write(":SOUR1:VOLT:LEV:IMM:HIGH 0.500000V;LOW 0.000000V;")
    pg.write("SOUR1:PULS1:WID 10 ns")
    pg.write("TRIG:MODE SINGle")
    pg.write("TRIG:SOUR MANual")
    pg.write("OUTP1:STAT ON")
    pg.write("PULSEGENControl:START")
    pg.write("*TRG")
    pg.write("PULSEGENControl:STOP")
    assert pg.query(":system:error?").strip() == '0,"No error"'


def test_the_end_of_a_pulse_is_its_trailing_delay(bench):
    pulser = bench.pulser
    pulser.write("FUNC1 PULS;:PULS:PER1 1US;DEL1 50NS;TDEL1 150NS")
    assert float(pulser.query("PULS:WIDT1?")) == pytest.approx(100e-9)
    pulser.write("PULS:WIDT1 200NS")
    assert float(pulser.query("PULSe:TDELay1?")) == pytest.approx(250e-9)
    pulser.write("OUTP1:COMP ON")
    assert pulser.query("OUTP1:COMP?;:SYST:ERR?").strip() == '1;+0,"No error"'


@pytest.mark.parametrize("command", ["STAT:OPER:COND?", "STAT:QUES:ENAB?", "SYST:VERS?"])
def test_what_every_scpi_instrument_has(bench, command):
    assert float(bench.pulser.query(command)) >= 0
    bench.pulser.write("STAT:PRES")
    assert bench.pulser.query("SYST:ERR?").startswith("+0,")
