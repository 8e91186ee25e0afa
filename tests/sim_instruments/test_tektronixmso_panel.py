"""The oscilloscope's transfer: encodings, widths, preamble, FastFrame, channels, events. Through plain PyVISA."""

import re

import numpy as np
import pytest

FRAMES, SAMPLES = 6, 8


@pytest.fixture
def scope(bench):
    """Six frames of a junction's current, taken."""
    bench.route(pulser=1, digitizer=10)
    wave = np.zeros(400)
    wave[100:350] = -0.2
    bench.program(wave, 1e-9, FRAMES)
    bench.arm(FRAMES, 200e-9, SAMPLES)
    bench.pulser.write("*TRG")
    assert bench.digitizer.query("*OPC?") == "1\n"
    return bench.digitizer


def curve(scope):
    scope.write("CURV?")
    raw = scope.read_raw()
    digits = int(raw[1:2])
    assert len(raw) == 2 + digits + int(raw[2 : 2 + digits]) + 1
    return raw[2 + digits : -1]


def volts(scope, counts):
    ymult, yoff, yzero = (float(scope.query(f"WFMO:{key}?")) for key in ("YMU", "YOF", "YZE"))
    return (counts.astype(float) - yoff) * ymult + yzero


@pytest.mark.parametrize(
    ("encoding", "width", "dtype"),
    [
        ("RIBinary", 1, "i1"), ("RIBinary", 2, ">i2"), ("SRIbinary", 1, "i1"), ("SRIbinary", 2, "<i2"),
        ("RPBinary", 1, "u1"), ("RPBinary", 2, ">u2"), ("SRPbinary", 2, "<u2"), ("FAStest", 2, ">i2"),
        ("SFAStest", 2, "<i2"), ("ASCii", 1, ""), ("ASCii", 2, ""),
    ],
)  # fmt: skip
def test_every_encoding_says_the_same(scope, encoding, width, dtype):
    expected = volts(scope, np.frombuffer(curve(scope), np.int8))
    scope.write(f"DAT:ENC {encoding};WID {width}")
    if dtype:
        counts = np.frombuffer(curve(scope), dtype)
        assert scope.query("WFMO:BN_FMT?") == ("RI\n" if "i" in dtype else "RP\n")
    else:
        counts = np.array(re.split("[,;]", scope.query("CURV?")), int)
    assert counts.size == FRAMES * SAMPLES
    np.testing.assert_allclose(volts(scope, counts), expected, atol=1e-9)
    assert scope.query("*ESR?") == "128\n"


def test_the_parts_of_an_encoding_can_be_set_one_by_one(scope):
    scope.write("WFMO:BYT_OR LSB;BN_FMT RP;BYT_NR 2")
    assert scope.query("DAT:ENC?;WID?") == "SRPBINARY;2\n"
    scope.write("WFMO:ENC ASC")
    scope.write("VERB OFF")
    assert scope.query("DAT:ENC?") == "ASCI\n"


def test_the_preamble_as_a_whole(scope):
    fields = scope.query("WFMO?").strip().split(";")
    assert fields[:5] == ["1", "8", "BINARY", "RI", "MSB"]
    assert fields[-1] == str(FRAMES)
    scope.write("HEAD ON")
    assert scope.query("WFMO?").startswith(":WFMOUTPRE:BYT_NR 1;BIT_NR 8;")
    assert scope.query("WFMO:NR_FR?") == f":WFMOUTPRE:NR_FR {FRAMES}\n"


def test_a_waveform_is_gone_when_what_it_was_taken_with_changes(scope):
    before = curve(scope)
    scale = float(scope.query("CH1:SCA?"))
    scope.write(f"CH1:SCA {scale}")
    assert curve(scope) == before
    scope.write(f"CH1:SCA {2 * scale}")
    scope.write("CURV?")
    assert int(scope.query("*ESR?")) & 8
    assert scope.query("EVM?").startswith("2244,")


def test_frames_and_samples_can_be_chosen(scope):
    whole = np.frombuffer(curve(scope), np.int8).reshape(FRAMES, SAMPLES)
    scope.write("DAT:FRAMESTAR 3;FRAMESTOP 4;STAR 2;STOP 100")
    np.testing.assert_array_equal(np.frombuffer(curve(scope), np.int8).reshape(2, 7), whole[2:4, 1:])
    assert scope.query("WFMO:NR_P?") == "7\n"


def test_a_summary_frame_is_the_mean_of_all(bench, scope):
    scope.write(f"HOR:FAST:SUMF AVE;:ACQ:STATE ON;:DAT:FRAMESTOP {FRAMES + 1}")
    bench.pulser.write("*TRG")
    assert scope.query("*OPC?") == "1\n"
    frames = np.frombuffer(curve(scope), np.int8).reshape(FRAMES + 1, SAMPLES)
    np.testing.assert_allclose(frames[-1], frames[:-1].mean(0), atol=0.51)


def test_the_other_channels_are_open(scope):
    scope.write("DAT:SOU CH2")
    scope.write("CURV?")
    assert int(scope.query("*ESR?")) & 8  # it is not on
    scope.write("*CLS;:SEL:CH2 ON;:CH2:SCA 0.01;:ACQ:STATE ON")
    assert scope.query("CH2:SCA?;:CH1:SCA?") == "10.0000E-3;30.0000E-3\n"
    scope.write("ACQ:STATE OFF;:CH5:SCA 1")
    assert int(scope.query("*ESR?")) & 32
    assert scope.query("ALLE?").startswith("114,")


def test_an_open_channel_shows_the_same_noise_when_asked_again(bench, scope):
    scope.write("SEL:CH2 ON;:CH2:SCA 0.002;:ACQ:STATE ON")
    bench.pulser.write("*TRG")
    scope.query("*OPC?")
    scope.write("DAT:SOU CH2")
    first = curve(scope)
    assert curve(scope) == first
    seen = volts(scope, np.frombuffer(first, np.int8))
    assert abs(seen.mean()) < 1e-3  # 48 samples of 1 mV: 7 sigma
    assert 5e-4 < seen.std() < 2e-3


def test_auto_makes_frames_up_and_normal_does_not(bench):
    scope = bench.digitizer
    bench.arm(3, 0.0)
    scope.timeout = 2000
    scope.write("ACQ:STATE OFF;:TRIG:A:MOD AUTO;:ACQ:STATE ON")
    before = bench.library.clock.now()
    assert scope.query("*OPC?;:ACQ:NUMFRAMESACQ?") == "1;3\n"
    assert 0.2 < bench.library.clock.now() - before < 1.0


def test_a_forced_trigger(bench):
    scope = bench.digitizer
    bench.arm(2, 0.0)
    scope.write("TRIG FORC")
    assert scope.query("ACQ:NUMFRAMESACQ?;STATE?") == "1;1\n"
    scope.write("TRIG FORC")
    assert scope.query("BUSY?") == "0\n"


def test_a_busy_loop_ends(bench):
    bench.route(pulser=1, digitizer=10)
    bench.program(np.zeros(400), 1e-9)
    bench.pulser.write(":ARM:SOUR1 IMM")
    bench.arm(10_000, 0.0)
    polls = 0
    while bench.digitizer.query("BUSY?") == "1\n":
        polls += 1
        assert polls < 100


def test_operation_complete_sets_its_bit_at_the_end(bench):
    scope = bench.digitizer
    bench.arm(1, 0.0)
    scope.write("*CLS;*ESE 1;*SRE 32;*OPC")
    assert not scope.read_stb() & 32
    scope.write("TRIG FORC")
    assert scope.read_stb() & 32


@pytest.mark.parametrize(("slope", "edge"), [("FALL", 100e-9), ("RISE", 350e-9)])
@pytest.mark.parametrize("delay", [-40e-9, 20e-9])
def test_a_level_on_ch1_triggers_where_it_is_crossed(bench, slope, edge, delay):
    scope, frames, samples = bench.digitizer, 3, 50
    bench.route(pulser=1, digitizer=10)
    wave = np.zeros(600)
    wave[100:350] = -0.2
    bench.program(wave, 1e-9, frames)
    bench.arm(frames, delay, samples, rate=500e6)
    scope.write(f"ACQ:STATE OFF;:TRIG:A:EDGE:SOU CH1;SLO {slope};:TRIG:A:LEV:CH1 -0.01;:ACQ:STATE ON")
    bench.pulser.write("*TRG")
    seen = bench.fetch(frames, samples)
    # FALL: at rest before the edge, then low; RISE: the other way round
    before = np.arange(samples) * 2e-9 + delay < -3e-9
    after = np.arange(samples) * 2e-9 + delay > 3e-9
    low, rest = (after, before) if slope == "FALL" else (before, after)
    assert low.any() or rest.any()
    if low.any():
        assert seen[:, low].mean() < -0.012
    if rest.any():
        assert abs(seen[:, rest].mean()) < 2e-3


def test_a_level_that_is_not_crossed_triggers_nothing(bench):
    scope = bench.digitizer
    bench.route(pulser=1, digitizer=10)
    bench.program(np.full(400, -0.05), 1e-9, 3)
    bench.arm(3, 0.0)
    scope.write("ACQ:STATE OFF;:TRIG:A:EDGE:SOU CH1;:TRIG:A:LEV:CH1 0.1;:ACQ:STATE ON")
    bench.pulser.write("*TRG")
    assert scope.query("ACQ:NUMFRAMESACQ?;STATE?") == "0;1\n"
