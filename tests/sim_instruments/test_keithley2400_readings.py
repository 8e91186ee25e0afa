"""The source-meter's sweeps, buffers and binary readings, through plain PyVISA."""

import numpy as np
import pytest


@pytest.fixture
def smu(bench):
    """On word line 0, sourcing volts, output on, fast readings."""
    bench.route(smu=0)
    smu = bench.smu
    smu.timeout = 100_000
    smu.write("*RST;:SENS:FUNC 'VOLT','CURR';:SENS:CURR:PROT 1E-3;:SENS:CURR:NPLC 0.01;:SYST:AZER OFF;:OUTP ON")
    return smu


def error(smu):
    return int(smu.query(":SYST:ERR?").split(",")[0])


def rows(reply, elements=5):
    return np.array(reply.split(","), float).reshape(-1, elements)


# -- sweeps


@pytest.mark.parametrize(
    ("set_up", "levels"),
    [
        (":SOUR:VOLT:STAR -0.1;STOP 0.1;:SOUR:SWE:POIN 5", np.linspace(-0.1, 0.1, 5)),
        (":SOUR:VOLT:STAR -0.1;STOP 0.1;STEP 0.05", np.linspace(-0.1, 0.1, 5)),
        (":SOUR:SWE:POIN 5;:SOUR:VOLT:CENT 0.05;SPAN 0.1", np.linspace(0, 0.1, 5)),
        (":SOUR:VOLT:STAR 0.001;STOP 0.1;:SOUR:SWE:SPAC LOG;POIN 5", np.geomspace(1e-3, 0.1, 5)),
        (":SOUR:VOLT:STAR -0.1;STOP 0.1;:SOUR:SWE:POIN 5;DIR DOWN", np.linspace(0.1, -0.1, 5)),
    ],
)
def test_a_staircase_visits_its_levels_in_order(smu, set_up, levels):
    smu.write(f"{set_up};:SOUR:VOLT:MODE SWE;:TRIG:COUN 5")
    volts = rows(smu.query(":READ?"))[:, 0]
    np.testing.assert_allclose(volts, levels, atol=1e-4)
    assert error(smu) == 0
    assert smu.query(":OUTP?") == "1\n"  # SOUR:CLE:AUTO is off: it stays at the last level
    assert float(smu.query(":SOUR:VOLT?")) == pytest.approx(levels[-1])


def test_a_list_is_sent_in_parts_and_repeated_by_the_arm_count(smu):
    smu.write(":SOUR:LIST:VOLT " + ",".join(f"{n / 1000}" for n in range(100)))
    smu.write(":SOUR:LIST:VOLT:APP 0.1,0.05")
    assert smu.query(":SOUR:LIST:VOLT:POIN?") == "102\n"
    smu.write(":SOUR:VOLT:MODE LIST;:TRIG:COUN 102;:ARM:COUN 2")
    volts = rows(smu.query(":READ?"))[:, 0]
    expected = np.r_[np.arange(100) / 1000, 0.1, 0.05]
    np.testing.assert_allclose(volts, np.tile(expected, 2), atol=1e-4)


def test_a_list_takes_100_values_at_once_and_2500_in_all(smu):
    part = ",".join(["0.01"] * 100)
    smu.write(f":SOUR:LIST:VOLT {part},0.02")
    assert error(smu) == -223
    smu.write(f":SOUR:LIST:VOLT {part}")
    for _ in range(24):
        smu.write(f":SOUR:LIST:VOLT:APP {part}")
    assert smu.query(":SOUR:LIST:VOLT:POIN?") == "2500\n"
    smu.write(":SOUR:LIST:VOLT:APP 0.01")
    assert error(smu) == -223
    assert smu.query(":SOUR:LIST:VOLT:POIN?") == "2500\n"


@pytest.mark.parametrize(("when", "points"), [("NEV", 11), ("EARL", 1), ("LATE", 2)])
def test_a_sweep_may_end_at_compliance(smu, when, points):
    # 8 junctions in parallel are 4 to 7 kohm: 6 uA are reached at the second level, 50 mV.
    smu.write(f":SENS:CURR:PROT 6E-6;:SOUR:SWE:CAB {when};POIN 11;:SOUR:VOLT:STAR 0;STOP 0.5;MODE SWE;:TRIG:COUN 11")
    values = rows(smu.query(":READ?"))
    assert len(values) == points
    clamped = values[:, 4].astype(int) & (1 << 3) != 0
    assert clamped.tolist() == [n >= 1 for n in range(points)]
    assert (np.abs(values[:, 1]) < 1.02e-5).all()


def test_counts_beyond_2500_are_refused_and_their_order_matters(smu):
    smu.write(":TRIG:COUN 2500;:ARM:COUN 2")
    assert error(smu) == -221
    assert smu.query(":ARM:COUN?;:TRIG:COUN?") == "1;2500\n"
    smu.write(":TRIG:COUN 2501")
    assert error(smu) == -222
    smu.write(":TRIG:COUN 2;:ARM:COUN 1250")
    assert error(smu) == 0
    smu.write(":ARM:COUN INF;:READ?")
    assert error(smu) == 830


def test_an_auto_output_is_on_only_while_it_measures(bench, smu):
    smu.write(":OUTP OFF;:SOUR:CLE:AUTO ON;:SOUR:VOLT 0.05")
    volts = rows(smu.query(":READ?"))[0, 0]
    assert volts == pytest.approx(0.05, abs=1e-3)
    assert smu.query(":OUTP?") == "0\n"
    assert bench.world.point().volts["smu"] == pytest.approx(0.0, abs=1e-3)


# -- the two buffers


def test_the_trace_buffer_fills_and_says_so(smu):
    smu.write("*CLS;:TRAC:CLE;POIN 20;FEED SENS;FEED:CONT NEXT;:TRIG:COUN 20;:STAT:MEAS:ENAB 512;*SRE 1")
    assert smu.query(":TRAC:POIN:ACT?") == "0\n"
    smu.write(":INIT")
    polls = 0
    while not smu.read_stb() & 64:  # asking costs the world's time, so that this ends
        polls += 1
        assert polls < 1000
    assert int(smu.query(":STAT:MEAS?")) & (1 << 9 | 1 << 8 | 1 << 6) == (1 << 9 | 1 << 8 | 1 << 6)
    assert int(smu.query(":STAT:MEAS?")) == 0  # reading has cleared it
    assert int(smu.query(":STAT:MEAS:COND?")) & (1 << 9)
    assert smu.query(":TRAC:POIN:ACT?;:TRAC:FEED:CONT?") == "20;NEV\n"
    assert rows(smu.query(":TRAC:DATA?")).shape == (20, 5)
    np.testing.assert_allclose(rows(smu.query(":TRAC:DATA?"))[:, :3], rows(smu.query(":FETC?"))[:, :3])
    free, used = (int(text) for text in smu.query(":TRAC:FREE?").split(","))
    assert (free + used) % 2500 == 0
    assert used > 0
    smu.write(":TRAC:CLE")
    assert not int(smu.query(":STAT:MEAS:COND?")) & (1 << 9)


def test_a_full_buffer_requests_service(bench, smu):
    smu.write("*CLS;:TRAC:CLE;POIN 20;FEED:CONT NEXT;:TRIG:COUN 20;:STAT:MEAS:ENAB 512;*SRE 1")
    smu.write(":INIT")
    before = bench.library.clock.now()
    smu.wait_for_srq(20_000)
    assert bench.library.clock.now() - before == pytest.approx(20 * (1e-3 + 2 * 2e-4), rel=0.5)


@pytest.mark.parametrize("reset", ["*RST", ":SYST:PRES"])
def test_no_reset_empties_the_trace_buffer(smu, reset):
    smu.write(":TRAC:CLE;POIN 3;FEED:CONT NEXT;:TRIG:COUN 3;:INIT")
    before = smu.query(":TRAC:DATA?")
    smu.write(reset)
    assert smu.query(":TRAC:POIN?;POIN:ACT?") == "3;3\n"
    assert smu.query(":TRAC:DATA?") == before


def test_the_buffer_is_part_full_when_fewer_are_taken_and_empty_is_an_error(smu):
    smu.write(":TRAC:CLE;POIN 10;FEED:CONT NEXT;:TRIG:COUN 4;:INIT")
    assert rows(smu.query(":TRAC:DATA?")).shape == (4, 5)
    smu.write(":TRAC:POIN 20")
    assert error(smu) == 800  # storage is still active
    smu.write(":TRAC:FEED:CONT NEV;:TRAC:CLE;:TRAC:DATA?")
    assert error(smu) == -230


@pytest.mark.parametrize(("points", "code"), [(2500, 0), (1, 0), (2501, -222), (0, -222)])
def test_the_buffer_holds_1_to_2500_readings(smu, points, code):
    smu.write(f":TRAC:FEED:CONT NEV;:TRAC:POIN {points}")
    assert error(smu) == code


def test_2500_readings_at_once(smu):
    smu.write(":TRIG:COUN 2500;:TRAC:CLE;POIN 2500;FEED:CONT NEXT")
    assert rows(smu.query(":READ?")).shape == (2500, 5)
    assert smu.query(":TRAC:POIN:ACT?") == "2500\n"


def test_fetch_repeats_and_data_is_the_latest(smu):
    smu.write(":TRIG:COUN 3")
    first = smu.query(":READ?")
    assert smu.query(":FETC?") == first
    assert rows(smu.query(":SENS:DATA?"))[0].tolist() == rows(first)[-1].tolist()
    assert smu.query(":FETC?") == first


def test_statistics_of_the_buffer(smu):
    smu.write(":SOUR:VOLT 0.05;:TRAC:CLE;POIN 50;FEED:CONT NEXT;:TRIG:COUN 50;:INIT")
    values = rows(smu.query(":TRAC:DATA?"))[:, :2]
    for name, expected in (
        ("MEAN", values.mean(0)), ("SDEV", values.std(0, ddof=1)), ("MAX", values.max(0)), ("MIN", values.min(0)),
        ("PKPK", np.ptp(values, axis=0)),
    ):  # fmt: skip
        smu.write(f":CALC3:FORM {name}")
        got = rows(smu.query(":CALC3:DATA?"), 3)[0]
        np.testing.assert_allclose(got[:2], expected, rtol=1e-3, atol=1e-9)
        assert got[2] == 9.91e37  # ohms were not measured


def test_timestamps_run_and_are_shown_as_asked(smu):
    smu.write(":TRAC:CLE;POIN 3;FEED:CONT NEXT;:TRIG:COUN 3;:TRIG:DEL 0.5;:SYST:TIME:RES;:INIT")
    absolute = rows(smu.query(":TRAC:DATA?"))[:, 3]
    smu.write(":TRAC:TST:FORM DELT")
    deltas = rows(smu.query(":TRAC:DATA?"))[:, 3]
    step = 0.5 + 1e-3 + 2 * 2e-4
    np.testing.assert_allclose(absolute, [0, step, 2 * step], rtol=1e-3)
    np.testing.assert_allclose(deltas, [0, step, step], rtol=1e-3)


def test_the_timestamp_rolls_over(bench, smu):
    smu.write(":SYST:TIME:RES")
    bench.library.clock.sleep(99_999.0)
    smu.write(":TRIG:DEL 2")
    assert rows(smu.query(":READ?"))[0, 3] == pytest.approx(1.0, abs=0.1)


# -- how readings are written


@pytest.mark.parametrize("asked", ["STAT,VOLT,CURR", "CURR, STATUS, VOLTAGE", "volt,curr,stat"])
def test_elements_come_in_their_own_order(smu, asked):
    smu.write(f":FORM:ELEM {asked};:SOUR:VOLT 0.05")
    assert smu.query(":FORM:ELEM?") == "VOLT,CURR,STAT\n"
    volts, amps, word = rows(smu.query(":READ?"), 3)[0]
    assert volts == pytest.approx(0.05, abs=1e-3)
    assert 0 < amps < 1e-3
    assert int(word) & (1 << 11 | 1 << 12 | 1 << 14) == (1 << 11 | 1 << 12 | 1 << 14)


@pytest.mark.parametrize(("reset", "order"), [("*RST", ">f4"), (":SYST:PRES", "<f4")])
def test_the_byte_order_after_a_reset(bench, smu, reset, order):
    smu.write(f"{reset};:SENS:CURR:PROT 1E-3;:SOUR:VOLT 0.05;:OUTP ON;:FORM REAL,32;:FORM:ELEM VOLT,CURR;:TRIG:COUN 30")
    smu.write(":READ?")
    raw = smu.read_raw()
    assert raw[:2] + raw[-1:] == b"#0\n"
    assert len(raw) == 2 + 4 * 60 + 1
    assert np.frombuffer(raw[2:-1], order)[1::2] == pytest.approx(bench.world.point().amps["smu"], rel=1e-3)


def test_binary_is_for_gpib_only(station, opened):
    bench = opened(station('\n[simulation.options.smu]\ninterface = "RS-232"\n'))
    bench.smu.write(":FORM REAL,32")
    assert bench.smu.query(":SYST:ERR?") == '+701,"ASCII only with RS-232"\n'
    assert bench.smu.query(":FORM?") == "ASC\n"


def test_what_is_too_much_for_a_range_is_overflow(smu):
    smu.write(":OUTP OFF;:SOUR:FUNC CURR;:SENS:VOLT:PROT 0.25;:SENS:VOLT:RANG 0.2;:SOUR:CURR 1E-4;:OUTP ON")
    volts, _, _, _, word = rows(smu.query(":READ?"))[0]
    assert volts == pytest.approx(0.21, rel=0.01)  # range compliance holds it at 105 %
    assert int(word) & (1 << 16)
    smu.write(":OUTP OFF;*RST;:SENS:FUNC 'VOLT','CURR';:OUTP ON")
    values = rows(smu.query(":READ?"))[0]
    assert values[2] == 9.91e37


def test_a_filter_averages_and_takes_its_time(bench, smu):
    bench.matrix.write("channel.open('allslots')")  # its own noise: that of a junction is slow, and stays
    smu.write(":SOUR:VOLT 0.05;:TRIG:COUN 100;:FORM:ELEM CURR")
    plain = rows(smu.query(":READ?"), 1).std()
    smu.write(":SENS:AVER:COUN 100;TCON REP;STAT ON")
    before = bench.library.clock.now()
    filtered = rows(smu.query(":READ?"), 1).std()
    assert bench.library.clock.now() - before == pytest.approx(100 * (1e-3 + 2 * 100 * 2e-4), rel=1e-3)
    assert filtered < plain / 5  # a tenth is expected of 100 samples each; 5 is over 7 sigma away
