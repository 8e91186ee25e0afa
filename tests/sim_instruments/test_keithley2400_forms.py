"""What a 2400 makes of suffixes, of parameters behind queries, and of waiting: each is an error, or is shown."""

import pytest

from labctl_sim.keithley2400_held import comes_through

CHANNEL, SURPLUS, ILLEGAL = -114, -108, -224


def error(smu):
    return int(smu.query(":SYST:ERR?").split(",")[0])


@pytest.mark.parametrize(
    "command",
    [":OUTP3 ON", ":SOUR3:VOLT 1", ":SOUR2:VOLT 1", ":SENS2:CURR:PROT 1E-3", ":TRIG:SEQ2:COUN 3", ":ARM:LAY2:COUN 3"],
)
def test_there_is_but_one_channel(bench, command):
    bench.smu.write(command)
    assert error(bench.smu) == CHANNEL
    assert bench.smu.query(":OUTP?;:SOUR:VOLT?;:TRIG:COUN?;:ARM:COUN?") == "0;+0.000000E+00;1;1\n"
    bench.smu.write(command.replace("2", "1").replace("3", "1", 1))
    assert error(bench.smu) == 0


@pytest.mark.parametrize(
    "query", [":SOUR2:TTL?", ":CALC2:LIM5:STAT?", ":DISP:WIND2:TEXT:STAT?", ":OUTP1?", ":SOUR1:VOLT?", ":SENS1:FUNC?"]
)
def test_what_there_is_more_of_can_be_chosen(bench, query):
    bench.smu.query(query)
    assert error(bench.smu) == 0


@pytest.mark.parametrize(
    "header",
    [
        ":SOUR:VOLT", ":SOUR:CURR", ":SOUR:VOLT:RANG", ":SOUR:VOLT:TRIG", ":SOUR:VOLT:PROT", ":SOUR:DEL",
        ":SENS:CURR:PROT", ":SENS:CURR:RANG", ":SENS:CURR:NPLC", ":TRIG:COUN", ":ARM:COUN", ":TRIG:DEL",
        ":TRAC:POIN", ":SOUR:VOLT:STAR",
    ],
)  # fmt: skip
def test_a_query_takes_the_names_of_limits_only(bench, header):
    low, high, usual = (float(bench.smu.query(f"{header}? {name}")) for name in ("MIN", "MAX", "DEF"))
    assert low <= usual <= high
    for wrong, code in (("5", SURPLUS), ("LIST", ILLEGAL), ("MIN,MAX", SURPLUS)):
        bench.smu.write(f"{header}? {wrong}")
        assert error(bench.smu) == code
    assert bench.smu.query("*OPC?") == "1\n"


@pytest.mark.parametrize("command", ["*IDN? 5", "*RST 5", "*OPC? 1", ":OUTP? 1", ":STAT:MEAS? 1", ":ABOR 1"])
def test_what_takes_nothing_refuses_a_parameter(bench, command):
    bench.smu.write(":SOUR:VOLT 1")
    bench.smu.write(command)
    assert error(bench.smu) == SURPLUS
    assert float(bench.smu.query(":SOUR:VOLT?")) == 1


@pytest.mark.parametrize(
    ("bit", "source"), [(64, ":ARM:SOUR BUS"), (32, ":TRIG:SOUR TLIN;INP SOUR")], ids=["arm layer", "trigger layer"]
)
def test_the_operation_register_says_where_it_waits(bench, bit, source):
    smu = bench.smu
    smu.write(f":STAT:OPER:ENAB {bit};:OUTP ON;:INIT")
    assert smu.query("*OPC?") == "1\n"
    assert not smu.read_stb() & 128
    smu.write(f"{source};:INIT")
    assert smu.read_stb() & 128
    smu.write(":ABOR")
    assert smu.query(":STAT:OPER:EVEN?;COND?").split(";")[1] == "1024\n"


@pytest.mark.parametrize(
    ("message", "through"),
    [(":ABOR", True), ("*RST", True), ("syst:preset", True), ("*STB?", True), (":ABORX", False), (":OUTP OFF", False)],
)
def test_what_comes_through_a_run(message, through):
    assert comes_through(message.encode()) is through
