"""Where time is the room's: each instrument waits for itself, and never for another one."""

import time

import pytest
import pyvisa

SOON_SECONDS = 0.3
TWO = '[instruments.tsp]\ndriver = "none"\naddress = "GPIB0::26::INSTR"\n[array]'


@pytest.fixture(params=["real", "scaled:2"])
def bench(request, station):
    """The demo in the room's time, with a second source-meter that is wired to nothing."""
    path = station()
    text = path.read_text(encoding="utf-8").replace("[array]", TWO, 1)
    text = text.replace("[simulation.models]", '[simulation.models]\ntsp = "keithley2636b"', 1)
    text = text.replace("array_seed", f'clock = "{request.param}"\narray_seed', 1)
    path.write_text(text, encoding="utf-8")
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    manager.speed = 1.0 if request.param == "real" else 2.0
    yield manager
    manager.close()


def took(action):
    """Seconds of the room."""
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def opened(bench, number):
    return bench.open_resource(f"GPIB0::{number}::INSTR", read_termination="\n", write_termination="\n")


@pytest.mark.parametrize("ask", [":READ?", ":INIT;*OPC?", "*IDN?", ":MEAS:CURR?"])
def test_a_reply_does_not_wait_for_what_another_instrument_does(bench, ask):
    smu, tsp = opened(bench, 24), opened(bench, 26)
    smu.write("*RST;:SOUR:VOLT 0.05;:OUTP ON")
    tsp.write("delay(20) print(1)")
    time.sleep(0.05)
    assert took(lambda: smu.query(ask)) < SOON_SECONDS
    assert took(lambda: smu.query(ask)) < SOON_SECONDS
    assert smu.query(":SYST:ERR?") == '0,"No error"'


def test_a_run_takes_its_own_time_though_the_world_has_run_ahead(bench):
    smu, tsp = opened(bench, 24), opened(bench, 26)
    smu.write("*RST;:SOUR:VOLT 0.05;:SENS:CURR:NPLC 1;:SYST:AZER OFF;:TRIG:COUN 20;:SOUR:DEL 0.005;:OUTP ON")
    smu.write("*CLS;*SRE 32;*ESE 1")
    seconds = 20 * 0.025 / bench.speed
    started = [(smu, ":INIT;*OPC"), (tsp, "delay(20)")]
    for messages in (started, started[::-1]):  # begun before the world ran ahead, and while it is ahead
        before = time.perf_counter()
        for instrument, message in messages:
            instrument.write(message)
        assert not smu.read_stb() & 64
        while not smu.read_stb() & 64:
            time.sleep(2e-3)
            assert time.perf_counter() - before < seconds + 2
        assert time.perf_counter() - before == pytest.approx(seconds, abs=0.15)
        assert smu.query("*ESR?") == "1"
        tsp.clear()
        bench.visalib.clock.sleep(0.01)


def test_timestamps_are_those_of_the_instrument(bench):
    smu, tsp = opened(bench, 24), opened(bench, 26)
    smu.write("*RST;:FORM:ELEM TIME;:SOUR:VOLT 0.05;:OUTP ON;:SYST:TIME:RES")
    tsp.write("delay(20)")
    assert float(smu.query(":READ?")) < 1.0


@pytest.mark.parametrize(
    "script", ["delay(20) print(1)", "smua.measure.nplc=25 smua.measure.count=20 print(smua.measure.v())"]
)
def test_a_device_clear_ends_what_runs(bench, script):
    tsp = opened(bench, 26)
    tsp.timeout = 100
    with pytest.raises(pyvisa.VisaIOError):
        tsp.query(script)
    tsp.timeout = 5000
    tsp.clear()
    assert took(lambda: tsp.query("*IDN?")) < SOON_SECONDS
    assert tsp.query("print(7)") == "7.00000e+00"


def test_an_instrument_waits_for_itself(bench):
    tsp = opened(bench, 26)
    tsp.write("delay(0.5)")
    assert took(lambda: tsp.query("print(1)")) == pytest.approx(0.5 / bench.speed, abs=0.15)
