"""What other projects' drivers send to an oscilloscope and read from it, in the order in which they do it.

tm_devices' MSO5, QCoDeS' TektronixMSO5000, pylablib, Tektronix's curvequery and its simple plot; Red Pitaya's own
redpitaya_scpi.py and examples. They are not installed here: each test is what one of them says on the wire.
"""

import numpy as np
import pytest


@pytest.fixture
def scope(bench):
    bench.digitizer.read_termination = "\n"
    return bench.digitizer


def errors(scope):
    scope.query("*ESR?")
    return scope.query("ALLEv?")


NOTHING = '0,"No events to report - queue empty"'


def test_tm_devices_opens_an_mso5(scope):
    scope.write("HEADER OFF")
    assert scope.query(":VERBose?") == "1"
    assert scope.query("CH1:PROBETYPE?") == "ANALOG"
    assert scope.query("CH1:PROBE:ID:SERNUMBER?") == '"N/A"'
    assert scope.query("CH1:PROBE:ID:TYPE?") == '"1X"'
    assert scope.query(":ETHERNET:NAME?").strip('"')
    assert scope.query(":LICENSE:APPID?") == '""'
    folder = scope.query(":FILESystem:CWD?")
    scope.write(':FILESystem:CWD "E:"')  # is a drive plugged in?
    assert scope.query(":FILESystem:CWD?") == folder
    assert errors(scope) == NOTHING


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("ACQuire:STOPAfter", "SEQUENCE"), ("DATA:SOURCE", "CH1"), (":DATA:ENC", "ASCII"),
        ("HORizontal:MODE", "MANUAL"),
        ("TRIGger:A:EDGE:COUPling", "NOISEREJ"), (":DISPLAY:WAVEVIEW:CH2:STATE", "1"), ("CH1:COUPling", "AC"),
        ("MEASURE:MEAS1:TYPE", "PK2PK"), ("MEASURE:MEAS1:SOURCE", "CH1"), ("ACQuire:NUMAVg", "16"),
        ("CH1:LABel:NAMe", '"line 0"'),
    ],
)  # fmt: skip
def test_tm_devices_sets_and_checks_whole_words(scope, command, value):
    scope.write(f"{command} {value}")
    assert scope.query(f"{command}?") == value
    assert errors(scope) == NOTHING


def test_tm_devices_reads_a_curve_frame_by_frame(scope):
    scope.write("HOR:MODE MAN;RECO 20;:ACQ:STOPA SEQ;:HOR:FAST:COUN 3;STATE ON;:ACQ:STATE ON")
    assert scope.query("*OPC?") == "1"
    assert "CH1" in scope.query(":DATA:SOURCE:AVAIL?").split(",")
    scope.write(":DATA:ENC ASCII;:DATA:FRAMESTAR 1;FRAMESTOP 3;STOP 20")
    frames = [[int(value) for value in frame.split(",")] for frame in scope.query(":CURVE?").split(";")]
    assert np.shape(frames) == (3, 20)


@pytest.mark.parametrize("header", ["CH1:COUPL", "CH1:COUPLIN", "TRIGGER:A:EDGE:COUPL", "MEASU:LIST", "WFMOUTP:BYT_N"])
def test_keywords_may_be_cut_anywhere_behind_their_short_form(scope, header):
    assert scope.query(f":{header}?")
    assert errors(scope) == NOTHING


def test_qcodes_takes_replies_for_bare_numbers(scope):
    assert float(scope.query("CH1:SCA?")) == 0.1
    assert int(scope.query("DATa:STARt?")) == 1
    assert scope.query("HORizontal:MAIn:UNIts?") == '"s"'
    scope.write("HORizontal:MODE auto;:HORizontal:MODE:SCAle 1e-6")
    assert float(scope.query("HORizontal:MODE:SCAle?")) == pytest.approx(1e-6)
    points, rate = (float(scope.query(f"HORizontal:MODE:{key}?")) for key in ("RECOrdlength", "SAMPLERate"))
    assert points / rate == pytest.approx(10e-6)


def test_after_a_reset_it_runs_and_there_is_a_waveform(scope):
    """curvequery and the simple plot ask at once; nobody has started anything."""
    scope.write("*rst")
    assert scope.query("*opc?") == "1"
    scope.write("autoset EXECUTE")
    assert scope.query("*opc?") == "1"
    assert scope.query("ACQuire:STATE?") == "1"
    scope.write("data:encdg SRIBINARY;:data:start 1;:data:stop 1e10;:wfmoutpre:byt_n 1")
    record = int(scope.query("horizontal:recordlength?"))
    scope.read_termination = None
    wave = scope.query_binary_values("curve?", datatype="b", container=np.array)
    assert wave.size == record
    scope.read_termination = "\n"
    assert int(scope.query("*esr?")) & ~128 == 0
    scope.write("acquire:state 0;:acquire:stopafter SEQUENCE;:acquire:state 1")
    assert scope.query("*opc?") == "1"


def test_curvequery_stops_and_reads_what_the_screen_shows(scope):
    scope.write("*RST")
    assert scope.query("ACQuire:STATE?") == "1"
    scope.write("ACQuire:STATE STOP")
    scope.write("data:source CH1;:data:encdg RIBinary;:WFMOUTPRE:BIT_NR 16")
    scope.read_termination = None
    assert scope.query_binary_values("curv?", datatype="h", is_big_endian=True, container=np.array).size == 1000


@pytest.mark.parametrize(("encoding", "dtype"), [("FPBinary", ">f4"), ("SFPbinary", "<f4")])
def test_floating_point_samples_are_volts(scope, encoding, dtype):
    scope.write("HOR:MODE MAN;RECO 100;:DAT:STOP 100;:ACQ:STOPA SEQ;STATE ON;:DAT:ENC RIB;WID 1;:CH1:SCA 0.002")
    scope.write("ACQ:STATE ON")
    scope.query("*OPC?")
    scope.read_termination = None
    counts = scope.query_binary_values("CURV?", datatype="b", container=np.array)
    ymult, yoff, yzero = (float(scope.query(f"WFMO:{key}?")) for key in ("YMU", "YOF", "YZE"))
    scope.write(f"DAT:ENC {encoding}")
    assert scope.query("WFMO:BYT_NR?;BN_FMT?") == "4;FP\n"
    scope.write("CURV?")
    raw = scope.read_raw()
    assert raw[:5] == b"#3400"
    np.testing.assert_allclose(np.frombuffer(raw[5:-1], dtype), (counts - yoff) * ymult + yzero, rtol=1e-5, atol=1e-9)


def test_measurements_are_those_of_the_waveform(scope):
    scope.write("HOR:MODE MAN;RECO 1000;:DAT:STOP 1000;:CH1:SCA 0.002;:ACQ:STOPA SEQ;STATE ON")
    scope.query("*OPC?")
    scope.read_termination = None
    counts = scope.query_binary_values("CURV?", datatype="b", container=np.array)
    volts = counts * float(scope.query("WFMO:YMU?"))
    scope.read_termination = "\n"
    for kind, expected in (("MEAN", volts.mean()), ("PK2PK", np.ptp(volts)), ("MAXIMUM", volts.max())):
        scope.write(f"MEASUrement:ADDMEAS {kind}")
        badge = scope.query("MEASUrement:LIST?").split(",")[-1]
        found = float(scope.query(f"MEASUrement:{badge}:RESUlts:CURRentacq:MEAN?"))
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-9)
    scope.write("MEASUrement:DELETEALL")
    assert scope.query("MEASUrement:LIST?") == "NONE"
    scope.write("DISplay:GLObal:CH1:STATE OFF;:MEASUrement:ADDMEAS MEAN")
    assert float(scope.query("MEASUrement:MEAS1:RESUlts:CURRentacq:MEAN?")) == 9.91e37  # there is none


def test_what_it_has_learnt_can_be_sent_back(scope):
    scope.write("CH1:SCA 0.02;:TRIG:A:EDGE:SLO FALL;:HOR:MODE MAN;RECO 500")
    learnt = scope.query("*LRN?")
    scope.write("*RST")
    scope.write(learnt)
    assert scope.query("CH1:SCA?;:TRIG:A:EDGE:SLO?;:HOR:RECO?") == "20.0000E-3;FALL;500"
    assert errors(scope) == NOTHING


# -- Red Pitaya


@pytest.fixture
def pitaya(station, opened):
    bench = opened(station(digitizer='"labctl_sim.redpitaya:RedPitaya"'))
    bench.digitizer.read_termination = bench.digitizer.write_termination = "\r\n"
    return bench.digitizer


def numbers(reply):
    return np.array(reply.strip("{}\n\r").replace("  ", "").split(","), float)


def test_its_own_generator_triggers_it(pitaya):
    for line in (
        "GEN:RST", "ACQ:RST", "SOUR1:FUNC SINE", "SOUR1:FREQ:FIX 1000", "SOUR1:VOLT 1", "SOUR1:BURS:STAT BURST",
        "SOUR1:BURS:NCYC 1", "ACQ:DEC 64", "ACQ:TRIG:LEV 0", "ACQ:TRIG:DLY 0", "ACQ:START", "ACQ:TRIG AWG_PE",
        "OUTPUT1:STATE ON",
    ):  # fmt: skip
        pitaya.write(line)
    assert pitaya.query("ACQ:TRIG:STAT?") == "WAIT"
    pitaya.write("SOUR1:TRIG:INT")
    assert pitaya.query("ACQ:TRIG:STAT?") == "TD"
    assert pitaya.query("ACQ:TRIG:FILL?") == "1"
    assert numbers(pitaya.query("ACQ:SOUR1:DATA?")).size == 16_384
    assert pitaya.query("SYSTem:ERRor:COUNt?") == "0"


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("SOUR1:FUNC", "PWM"), ("SOUR2:FREQ:FIX", "2000.000000"), ("SOUR1:VOLT:OFFS", "0.100000"),
        ("SOUR1:DCYC", "0.200000"), ("SOUR1:BURS:STAT", "BURST"), ("SOUR1:BURS:NCYC", "3"), ("SOUR1:BURS:NOR", "4"),
        ("SOUR1:SWeep:MODE", "LOG"), ("SOUR1:TRig:SOUR", "EXT_PE"), ("OUTPUT2:STATE", "ON"),
        ("ACQ:DEC:Factor", "64"), ("ACQ:DATA:Units", "RAW"), ("ACQ:DATA:BYTE:ORDER", "LEND"), ("ACQ:SOUR1:COUP", "AC"),
        ("ACQ:TRig:HYST", "0.010000"), ("DAISY:ENable", "ON"), ("LED:MMC", "OFF"),
    ],
)  # fmt: skip
def test_redpitaya_scpi_sets_and_reads_back(pitaya, command, value):
    pitaya.write(f"{command} {value}")
    assert pitaya.query(f"{command}?") == value
    assert pitaya.query("SYSTem:ERRor:COUNt?") == "0"


def test_an_output_drives_the_line_that_it_is_wired_to(station, opened):
    path = station(digitizer='"labctl_sim.redpitaya:RedPitaya"')
    text = path.read_text().replace('digitizer = "C"', 'digitizer = "C", digitizer_out1 = "D"')
    path.write_text(text)
    bench = opened(path)
    pitaya = bench.digitizer
    pitaya.read_termination = pitaya.write_termination = "\r\n"
    bench.matrix.write('channel.exclusiveclose("1D01,1C09")')
    bench.matrix.query("print(1)")
    pitaya.write("GEN:RST;:SOUR1:FUNC DC;VOLT 0.1;:OUTPUT1:STATE ON;:SOUR1:TRIG:INT")
    pitaya.write("ACQ:RST;:ACQ:START;:ACQ:TRIG NOW")
    volts = numbers(pitaya.query("ACQ:SOUR1:DATA?")).mean()
    assert volts == pytest.approx(-1e4 * bench.world.point().amps["digitizer"], abs=1e-3)
    assert abs(volts) > 5e-3


def test_samples_around_the_trigger_and_their_byte_order(pitaya):
    pitaya.write("ACQ:RST;:ACQ:START;:ACQ:TRIG NOW")
    whole = numbers(pitaya.query("ACQ:SOUR1:DATA?"))
    around = numbers(pitaya.query("ACQ:SOUR1:DATA:TRig? 9,PRE_POST_TRIG"))
    np.testing.assert_array_equal(around, whole[8192 - 9 : 8192 + 9])
    pitaya.write("ACQ:DATA:FORMAT BIN;:ACQ:DATA:Units RAW;:ACQ:DATA:BYTE:ORDER LEND")
    pitaya.write("ACQ:SOUR1:DATA:STArt:N? 0,100")
    block = pitaya.read_bytes(5 + 200 + 2)
    np.testing.assert_allclose(np.frombuffer(block[5:-2], "<i2") / 8192, whole[:100], atol=1e-6)


def test_noise_crosses_a_level_of_nothing(pitaya):
    """Its example of a level trigger, with nothing connected, comes to an end."""
    pitaya.write("ACQ:RST;:ACQ:DEC 1;:ACQ:START;:ACQ:TRIG CH1_PE")
    assert any(pitaya.query("ACQ:TRIG:STAT?") == "TD" for _ in range(5))
