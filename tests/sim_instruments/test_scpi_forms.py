"""SCPI as the standard has it: forms, paths, errors, registers. Through PyVISA, on the panels that speak it."""

import numpy as np
import pytest

IDENTITIES = {
    "pulser": r"Agilent Technologies,81160A,SIM00001,1.0.3.0-2.6",
    "smu": "KEITHLEY INSTRUMENTS INC.,MODEL 2400,SIM0002,C32   Oct  4 2010 14:20:11/A02  /S/K",
    "matrix": "Keithley Instruments Inc., Model 707B, SIM0003, 01.40a",
    "digitizer": "TEKTRONIX,MSO54,SIM0004,CF:91.1CT FV:1.44",
}


@pytest.mark.parametrize("role", IDENTITIES)
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_identity(bench, role, ending):
    resource = getattr(bench, role)
    resource.write_raw(b"*IDN?" + ending.encode())
    assert resource.read() == IDENTITIES[role] + "\n"
    assert resource.query("*OPC?") == "1\n"


@pytest.mark.parametrize(
    "command",
    [
        ":SOUR:VOLT 0.125",
        "sour:volt 0.125",
        ":SOURCE1:VOLTAGE:LEVEL:IMMEDIATE:AMPLITUDE 1.25E-1",
        ":SOUR1:VOLT:LEV:AMPL 125 mV",
        ":SOUR:VOLT 125000UV",
        ":SOUR:VOLT:MODE FIX;LEV .125",
        ":SOUR:VOLT:RANG 2;:SOUR:VOLT:LEV +125E-3 V",
        ":SOUR:VOLT:MODE FIX;*CLS;LEV 0.125",
        "*CLS;:SOUR:VOLT 0.125;:OUTP OFF",
    ],
)
def test_all_forms_of_a_command_are_one_command(bench, command):
    bench.smu.write(command)
    assert bench.smu.query(":SYST:ERR?") == '0,"No error"\n'
    assert float(bench.smu.query(":SOUR:VOLT?")) == pytest.approx(0.125)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (":SOURC:VOLT 1", -113),
        (":SOUR:VOLTS 1", -113),
        (":SOUR:VOLT1.0", -113),
        (":VOLT 1", -113),
        (":SOUR:VOLT", -109),
        (":SOUR:VOLT 1,2", -108),
        (":SOUR:VOLT abc", -104),
        (":SOUR:VOLT 1.2.3", -120),
        (":SOUR:VOLT 1 OHM", -131),
        (":SOUR:VOLT 400", -222),
        (":SOUR:FUNC LAMP", -224),
        (":SENS:FUNC CURR", -151),
        (":OUTP 1,", -102),
        ("*TRG", -211),
        (":SOUR:VOLT \x01", -104),
        ("\x02", -101),
    ],
)
def test_a_bad_command_changes_nothing_and_drops_the_rest(bench, command, code):
    bench.smu.write(":SOUR:VOLT 0.5")
    bench.smu.write(f"{command};:SOUR:VOLT 0.7")
    assert int(bench.smu.query(":SYST:ERR?").split(",")[0]) == code
    assert float(bench.smu.query(":SOUR:VOLT?")) == 0.5
    assert bench.smu.query(":SYST:ERR?").startswith("0,")


def test_replies_of_one_message_are_joined(bench):
    assert bench.pulser.query("*OPC?;:OUTP1?;:ARM:SOUR1?") == "1;0;IMM\n"
    assert bench.smu.query(":SOUR:FUNC?;VOLT:MODE?") == "VOLT;FIX\n"


@pytest.mark.parametrize(("word", "value"), [("MIN", -1.05), ("MAX", 1.05), ("DEF", 105e-6)])
def test_limits_can_be_asked(bench, word, value):
    assert float(bench.smu.query(f":SENS:CURR:PROT? {word}")) == pytest.approx(value)


@pytest.mark.parametrize(("role", "depth"), [("pulser", 20), ("smu", 10)])
def test_a_full_error_queue_says_so(bench, role, depth):
    resource = getattr(bench, role)
    for _ in range(depth + 5):
        resource.write("NONSENSE")
    codes = [int(resource.query(":SYST:ERR?").split(",")[0]) for _ in range(depth + 1)]
    assert codes == [-113] * (depth - 1) + [-350, 0]


def test_event_register_and_status_byte(bench):
    smu = bench.smu
    assert smu.query("*ESR?") == "128\n"  # power on
    smu.write("*ESE 32;*SRE 32")
    assert smu.read_stb() == 0
    smu.write("NONSENSE")
    assert smu.read_stb() == 4 + 32 + 64
    smu.write("*ESE?")
    assert smu.read_stb() & 16
    assert smu.read() == "32\n"
    assert smu.query("*ESR?") == "32\n"
    assert smu.read_stb() == 4
    smu.write("*CLS")
    assert smu.read_stb() == 0
    assert smu.query("*ESE?;*SRE?") == "32;32\n"


def test_a_new_query_interrupts_the_old_one(bench):
    bench.smu.write("*IDN?")
    assert bench.smu.query(":SYST:ERR?") == '-410,"Query INTERRUPTED"\n'


def test_a_generator_limits_and_reports(bench):
    pulser = bench.pulser
    pulser.write(":VOLT1:HIGH 9")
    assert pulser.query(":SYST:ERR?") == '-222,"Data out of range"\n'
    assert float(pulser.query(":VOLT1:HIGH?")) == 5.0
    pulser.write(":VOLT1:LOW 1;HIGH 0.5")
    assert "Settings conflict" in pulser.query(":SYST:ERR?")
    assert float(pulser.query(":VOLT1:LOW?")) == pytest.approx(0.45)


def test_level_limits_clip_and_report(bench):
    pulser = bench.pulser
    pulser.write(":VOLT1:LIM:HIGH 0.8;LOW -0.8;STAT ON")
    assert pulser.query(":SYST:ERR?") == '+0,"No error"\n'
    pulser.write(":VOLT1:HIGH 1.5")
    assert "Settings conflict" in pulser.query(":SYST:ERR?")
    assert float(pulser.query(":VOLT1:HIGH?")) == pytest.approx(0.8)


def test_the_load_is_only_arithmetic(bench):
    pulser = bench.pulser
    pulser.write(":FUNC1 DC;:VOLT1:OFFS 0.1;:OUTP1 ON")
    before = bench.world.point().volts
    pulser.write(":OUTP1:LOAD 1E6")
    assert float(pulser.query(":VOLT1:OFFS?")) == pytest.approx(0.2, rel=1e-3)
    assert bench.world.point().volts == before


def test_an_arb_too_fast_moves_the_period(bench):
    bench.program(np.zeros(1000), 1e-9)
    bench.pulser.write(":PER1 100NS")
    assert "Settings conflict" in bench.pulser.query(":SYST:ERR?")
    assert float(bench.pulser.query(":PER1?")) == pytest.approx(1000 / 2.5e9)


def test_a_block_may_hold_separators_and_newlines(bench):
    # 0x3B is ";", 0x0A a newline, 0x22 a quote, 0x2C ",", 0x09 a tab: none of them means anything inside a block.
    data = np.frombuffer(b"\x0a\x3b\x00\x22\x00\x2c\x09\x23\x09\x0a", ">i2") / 8191
    bench.route(pulser=0)
    bench.program(data, 1e-8)
    bench.pulser.write(":ARM:SOUR1 IMM")
    assert bench.world.point().volts["pulser"] == pytest.approx(data.mean(), rel=0.02)


@pytest.mark.parametrize("block", [b"#15abc", b"#9999999999a", b"#1", b"#13abc", b"#14\x7f\xff\x00\x00", b"#0abc"])
def test_a_bad_block_is_an_error_and_nothing_more(bench, block):
    bench.pulser.write_raw(b":DATA1:DAC VOLATILE," + block + b"\n")
    assert not bench.pulser.query(":SYST:ERR?").startswith("+0")
    assert bench.pulser.query("*OPC?") == "1\n"


def test_tektronix_events_open_with_esr(bench):
    scope = bench.digitizer
    scope.write("HEADER OFF")
    scope.write("NONSENSE")
    assert scope.query("EVMSG?").startswith("1,")
    assert int(scope.query("*ESR?")) & 32
    assert scope.query("ALLEV?") == '113,"Undefined header"\n'
    assert scope.query("EVENT?") == "0\n"


def test_tektronix_headers_come_when_they_are_turned_on(bench):
    assert bench.digitizer.query("CH1:SCA?") == "100.0000E-3\n"
    bench.digitizer.write("HEAD ON")
    assert bench.digitizer.query("CH1:SCA?") == ":CH1:SCALE 100.0000E-3\n"
    bench.digitizer.write("*RST")
    assert bench.digitizer.query("CH1:SCA?") == ":CH1:SCALE 100.0000E-3\n"


@pytest.mark.parametrize(
    ("asked", "given"), [(50e6, 50e6), (60e6, 50e6), (3.2e9, 3.125e9), (6.25e9, 6.25e9), (1.0, 1.0)]
)
def test_sample_rates_go_to_the_next_step_below(bench, asked, given):
    bench.digitizer.write(f"HEAD OFF;:HOR:SAMPLER {asked}")
    assert float(bench.digitizer.query("HOR:SAMPLER?")) == pytest.approx(given)
