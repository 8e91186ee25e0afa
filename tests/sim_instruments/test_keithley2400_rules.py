"""What the source-meter holds back, refuses, forgets and keeps: busy rule, output rules, resets. Through PyVISA."""

import itertools

import numpy as np
import pytest
import pyvisa


@pytest.fixture
def smu(bench):
    bench.route(smu=0)
    return bench.smu


def error(smu):
    return int(smu.query(":SYST:ERR?").split(",")[0])


def volts(bench):
    return bench.world.point().volts.get("smu")


# -- the busy rule


def test_output_off_does_not_stop_a_running_sweep_and_device_clear_does(bench, smu):
    smu.write(":SOUR:VOLT 0.05;:OUTP ON;:TRIG:COUN 1000;:INIT")
    smu.write(":OUTP OFF")
    bench.library.clock.sleep(1.0)
    assert volts(bench) == pytest.approx(0.05)  # held
    smu.clear()
    assert smu.query(":OUTP?") == "1\n"  # what was held is gone, the output stays
    smu.write(":OUTP OFF")
    assert smu.query(":OUTP?") == "0\n"


def test_what_was_held_runs_at_idle_though_nobody_reads(bench, smu):
    smu.write(":SOUR:VOLT 0.05;:OUTP ON;:TRIG:COUN 10;:INIT")
    smu.write(":OUTP OFF")
    bench.library.clock.sleep(0.3)
    assert volts(bench) == pytest.approx(0.05)
    bench.library.clock.sleep(1.0)
    assert volts(bench) == pytest.approx(0.0, abs=1e-6)


def test_commands_of_the_same_message_are_held_too(bench, smu):
    smu.write(":SOUR:VOLT 0.05;:OUTP ON;:ARM:SOUR BUS;:INIT;:OUTP OFF")
    assert volts(bench) == pytest.approx(0.05)
    smu.assert_trigger()
    bench.library.clock.sleep(1.0)
    assert volts(bench) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("way", [":ABOR", ":ABORT", "*RST", ":SYST:PRES", "*RCL 0"])
def test_what_comes_through_while_it_is_busy(smu, way):
    smu.write(":OUTP ON;:ARM:SOUR BUS;:INIT")
    smu.write(way)
    assert "MODEL 2400" in smu.query("*IDN?")


def test_a_query_waits_for_idle(bench, smu):
    smu.timeout = 10_000
    smu.write(":OUTP ON;:TRIG:COUN 10;:INIT")
    before = bench.library.clock.now()
    assert smu.query("*OPC?") == "1\n"
    assert bench.library.clock.now() - before == pytest.approx(10 * (1e-3 + 0.06), rel=1e-6)


def test_a_query_to_an_instrument_that_waits_for_a_trigger_times_out(smu):
    smu.timeout = 100
    smu.write(":OUTP ON;:ARM:SOUR BUS;:INIT")
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
        smu.query(":SOUR:VOLT?")


def test_two_sessions_are_held_each_for_itself(bench, smu):
    other = bench.manager.open_resource("GPIB0::24::INSTR")
    smu.write(":OUTP ON;:ARM:SOUR BUS;:INIT")
    smu.write(":SOUR:FUNC?")
    other.write(":SOUR:VOLT:MODE?")
    other.assert_trigger()
    assert smu.read() == "VOLT\n"
    assert other.read() == "FIX\n"


def test_every_arm_cycle_needs_its_bus_trigger(smu):
    smu.write(":OUTP ON;:ARM:SOUR BUS;:ARM:COUN 3;:TRIG:COUN 2;:FORM:ELEM VOLT;:READ?")
    for _ in range(3):
        smu.write("*TRG")
        smu.read_stb()
        for _ in range(20):
            smu.read_stb()
    assert len(smu.read().split(",")) == 6
    smu.write("*TRG")
    assert error(smu) == -211


def test_a_timer_paces_the_arm_layer(bench, smu):
    smu.timeout = 60_000
    smu.write(":OUTP ON;:ARM:SOUR TIM;:ARM:TIM 2;:ARM:COUN 4;:FORM:ELEM TIME;:READ?")
    stamps = [float(text) for text in smu.read().split(",")]
    assert [b - a for a, b in itertools.pairwise(stamps)] == pytest.approx([2.0] * 3, abs=1e-3)


def test_operation_complete_is_at_idle_and_reset_cancels_it(bench, smu):
    smu.write("*CLS;:OUTP ON;:TRIG:COUN 5;*ESE 1;*SRE 32;:INIT;*OPC")
    assert not smu.read_stb() & 32
    smu.wait_for_srq(5000)
    assert int(smu.query("*ESR?")) & 1
    smu.write("*CLS;:ARM:SOUR BUS;:INIT;*OPC")
    smu.write("*RST")
    bench.library.clock.sleep(10)
    assert not int(smu.query("*ESR?")) & 1


# -- the output


def test_initiate_needs_the_output(smu):
    smu.write(":INIT")
    assert smu.query(":SYST:ERR?") == '+803,"Not permitted with OUTPUT off"\n'
    assert smu.query("*ESR?") == f"{128 + 16}\n"


@pytest.mark.parametrize(
    ("mode", "level"), [("NORM", 0.0), ("ZERO", 0.0), ("GUAR", None), ("HIMP", None)]
)  # fmt: skip
def test_what_off_means(bench, smu, mode, level):
    """A generator on the same line tells: NORM and ZERO hold 0 V, GUARd and HIMPedance let it be."""
    bench.route(smu=0)
    bench.matrix.write('channel.close("1A01")')
    bench.pulser.write(":FUNC1 DC;:VOLT1:OFFS 0.01;:OUTP1 ON")
    smu.write(f":SENS:CURR:PROT 0.1;RANG 0.1;:OUTP:SMOD {mode};:OUTP ON;:OUTP OFF")
    seen = bench.world.point().cell_volts[0]
    if level is None:
        assert seen == pytest.approx(0.01, rel=0.05)
    else:
        assert abs(seen) < 5e-3  # what 50 ohm leaves over relays and lines
    assert smu.query(":OUTP:SMOD?").strip() == mode


def test_himp_takes_its_relay_time(bench, smu):
    smu.write(":OUTP:SMOD HIMP")
    before = bench.library.clock.now()
    smu.write(":OUTP ON")
    assert bench.library.clock.now() - before == pytest.approx(15e-3)


def test_an_open_interlock_keeps_the_output_off(bench, smu):
    smu.write(":SOUR:VOLT 0.05;:OUTP:ENAB ON;:OUTP ON")
    assert smu.query(":OUTP?;:OUTP:ENAB:TRIP?") == "1;1\n"
    bench.library.faults.inject("smu", "interlock")
    assert smu.query(":OUTP?;:OUTP:ENAB:TRIP?") == "0;0\n"
    smu.write(":OUTP ON")
    assert smu.query(":SYST:ERR?") == '+802,"OUTPUT blocked by output enable"\n'
    assert int(smu.query(":STAT:MEAS:COND?")) & (1 << 11)
    smu.write(":OUTP:ENAB OFF;:OUTP ON")  # the line counts only when it is told to
    assert smu.query(":OUTP?") == "1\n"
    bench.library.faults.clear()


def test_an_interlock_that_opens_ends_a_sweep(bench, smu):
    bench.library.faults.inject("smu", "interlock", after_seconds=0.5)
    smu.write(":SOUR:VOLT 0.05;:OUTP:ENAB ON;:OUTP ON;:TRIG:COUN 1000;:INIT")
    bench.library.clock.sleep(0.4)
    assert volts(bench) == pytest.approx(0.05)
    bench.library.clock.sleep(0.2)
    assert volts(bench) == pytest.approx(0.0, abs=1e-9)
    assert smu.query("*OPC?") == "1\n"


def test_heat_keeps_the_output_off(bench, smu):
    bench.library.faults.inject("smu", "over_temperature")
    smu.write(":OUTP ON")
    assert smu.query(":SYST:ERR?") == '+810,"OUTPUT blocked by Over Temp"\n'
    assert smu.query(":OUTP?") == "0\n"


def test_an_output_that_refuses_says_nothing(bench, smu):
    bench.library.faults.inject("smu", "output_refuses")
    smu.write(":OUTP ON")
    assert smu.query(":OUTP?") == "0\n"
    assert error(smu) == 0


@pytest.mark.parametrize(
    ("asked", "got"), [("20", 20), ("39", 20), ("100", 100), ("5", 20), ("165", 210), ("NONE", 210), ("MAX", 210)]
)
def test_over_voltage_protection_has_steps(smu, asked, got):
    smu.write(f":SOUR:VOLT:PROT {asked}")
    assert float(smu.query(":SOUR:VOLT:PROT?")) == got
    assert error(smu) == 0


def test_over_voltage_protection_does_not_protect_a_junction(bench, smu):
    smu.write(":SOUR:VOLT:PROT 20;:SENS:CURR:PROT 1;:SOUR:VOLT 20.9;:OUTP ON")
    assert bench.world.array.broken[:8].all()
    bench.matrix.write("reset()")
    smu.write(":SENS:CURR:PROT 0.1;:SOUR:VOLT 50")
    assert volts(bench) == pytest.approx(21.0)
    assert smu.query(":SOUR:VOLT:PROT:TRIP?") == "1\n"


def test_changing_the_function_or_the_terminals_turns_the_output_off(smu):
    for command in (":SOUR:FUNC CURR", ":ROUT:TERM REAR"):
        smu.write(f":OUTP ON;{command}")
        assert smu.query(":OUTP?") == "0\n"


# -- couplings


@pytest.mark.parametrize(
    ("commands", "code"),
    [
        (":SENS:CURR:PROT 0.2;:SOUR:VOLT 100", 826),
        (":SOUR:VOLT 100;:SENS:CURR:PROT 0.2", 826),
        (":SOUR:FUNC CURR;:SENS:VOLT:PROT 100;:SOUR:CURR 0.5", 826),
        (":SENS:CURR:PROT 0.1;:SOUR:VOLT 100", 0),
        (":SENS:CURR:PROT 1E-10", -222),
        (":SENS:CURR:PROT 1.06", -222),
        (":SENS:VOLT:PROT 1E-4", -222),
        (":SENS:CURR:PROT -1E-3", 0),
        (":SENS:FUNC 'VOLT';:SENS:VOLT:RANG 2", 823),
        (":SENS:FUNC 'RES';:SOUR:CURR 1E-6", 825),
        (":SENS:FUNC 'RES';:SENS:RES:MODE MAN;:SOUR:CURR 1E-6", 0),
        (":SENS:CURR:NPLC 11", -222),
        (":SOUR:DEL 1000", -222),
        (":SOUR:VOLT:STAR 0;STOP 1;:SOUR:SWE:SPAC LOG;:SOUR:VOLT:MODE SWE;:OUTP ON;:INIT", -221),
    ],
)
def test_what_goes_together(smu, commands, code):
    smu.write(commands)
    assert error(smu) == code


def test_nplc_is_one_for_all_functions(smu):
    smu.write(":SENS:VOLT:NPLC 0.5")
    assert [float(smu.query(f":SENS:{name}:NPLC?")) for name in ("CURR", "VOLT", "RES")] == [0.5] * 3


# -- MEASure, CONFigure, ohms


@pytest.mark.parametrize("command", [":CONF:CURR", ":MEAS:CURR?"])
def test_configure_forgets_what_was_set_and_turns_the_output_on(smu, command):
    smu.write(":SENS:CURR:PROT 2E-6;NPLC 0.01;:TRIG:COUN 5;:SENS:AVER ON;:SYST:AZER OFF;:TRAC:FEED:CONT NEXT")
    smu.write(command)
    smu.timeout = 10_000
    if command.endswith("?"):
        smu.read()
    assert smu.query(":OUTP?;:TRIG:COUN?;:SENS:AVER?;:SYST:AZER?;:TRAC:FEED:CONT?") == "1;1;0;1;NEV\n"
    assert float(smu.query(":SENS:CURR:PROT?")) == pytest.approx(105e-6)
    assert float(smu.query(":SENS:CURR:NPLC?")) == 1
    assert smu.query(":CONF?") == '"CURR:DC"\n'


def test_measuring_volts_in_current_mode_gives_the_junction_21_volts_of_limit(smu):
    smu.write(":SOUR:FUNC CURR;:SENS:VOLT:PROT 0.2")
    smu.query(":MEAS:VOLT?")
    assert float(smu.query(":SENS:VOLT:PROT?")) == 21


def test_ohms_by_itself_and_by_hand(bench, smu):
    smu.write(":FORM:ELEM RES")
    automatic = float(smu.query(":MEAS:RES?"))
    # The test current of the range puts half a volt on the 8 cells of the line. There their states last milliseconds,
    # so that the reading is a mean over both, with the TMR at that bias, within what some dozen changes each leave.
    cells = bench.world.array
    volts = bench.world.point().cell_volts
    assert 0.35 < volts[:8].max() < 0.55
    assert automatic == pytest.approx(1 / cells.conductance(np.zeros(64), volts)[:8].sum(), rel=0.08)
    assert not cells.broken.any()
    smu.write("*RST;:SENS:RES:MODE MAN;:SENS:FUNC 'RES';:SOUR:VOLT 0.05;:SENS:CURR:PROT 1E-3;:OUTP ON;:FORM:ELEM RES")
    assert float(smu.query(":READ?")) == pytest.approx(automatic, rel=0.2)


# -- resets and memories


RESET = {
    ":OUTP?": "0", ":OUTP:SMOD?": "NORM", ":SOUR:FUNC?": "VOLT", ":SOUR:VOLT?": "+0.000000E+00",
    ":SENS:CURR:PROT?": "+1.050000E-04", ":SENS:VOLT:PROT?": "+2.100000E+01", ":SOUR:VOLT:PROT?": "+2.100000E+02",
    ":SENS:CURR:NPLC?": "+1.000000E+00", ":SENS:FUNC?": '"CURR:DC"', ":SENS:FUNC:CONC?": "1",
    ":FORM:ELEM?": "VOLT,CURR,RES,TIME,STAT", ":FORM?": "ASC", ":FORM:BORD?": "NORM",
    ":ARM:SOUR?": "IMM", ":ARM:COUN?": "1", ":TRIG:COUN?": "1", ":TRIG:DEL?": "+0.000000E+00",
    ":SOUR:DEL:AUTO?": "1", ":SOUR:CLE:AUTO?": "0", ":SOUR:SWE:CAB?": "NEV", ":SOUR:SWE:SPAC?": "LIN",
    ":SYST:RSEN?": "0", ":SYST:AZER?": "1", ":SENS:AVER?": "0", ":ROUT:TERM?": "FRON",
}  # fmt: skip
CHANGES = (
    ":OUTP:SMOD ZERO;:SOUR:FUNC CURR;:SOUR:VOLT 0.01;:SENS:CURR:PROT 1E-6;:SENS:VOLT:PROT 1;:SOUR:VOLT:PROT 40",
    ":SENS:CURR:NPLC 5;:SENS:FUNC 'VOLT';:SENS:FUNC:CONC OFF;:FORM:ELEM CURR;:FORM REAL,32;:FORM:BORD SWAP",
    ":ARM:SOUR BUS;:ARM:COUN 2;:TRIG:COUN 3;:TRIG:DEL 1;:SOUR:DEL 1;:SOUR:CLE:AUTO ON;:SOUR:SWE:CAB LATE;SPAC LOG",
    ":SYST:RSEN ON;:SYST:AZER OFF;:SENS:AVER ON;:ROUT:TERM REAR;:OUTP ON",
)


@pytest.mark.parametrize(("reset", "order"), [("*RST", "NORM"), (":SYST:PRES", "SWAP")])
def test_the_reset_table(smu, reset, order):
    for change in CHANGES:
        smu.write(change)
    assert error(smu) == 0
    smu.write(reset)
    assert {ask: smu.query(ask).strip() for ask in RESET} == RESET | {":FORM:BORD?": order}


def test_set_ups_are_saved_and_recalled_with_the_output_off(smu):
    smu.write(":SOUR:VOLT 0.01;:SENS:CURR:PROT 2E-6;:OUTP ON;*SAV 3;*RST")
    smu.write("*RCL 3")
    assert float(smu.query(":SENS:CURR:PROT?")) == pytest.approx(2e-6)
    assert smu.query(":OUTP?") == "0\n"
    smu.write("*SAV 5")
    assert error(smu) == -222


def test_registers_sum_up_in_the_status_byte(smu):
    smu.write("*CLS;:STAT:PRES;:STAT:MEAS:ENAB 16384;*SRE 1;:SENS:CURR:PROT 1E-6;:SOUR:VOLT 0.1;:OUTP ON")
    smu.query(":READ?")
    assert smu.query("*STB?") == "65\n"
    assert smu.query(":STAT:MEAS:ENAB?") == "16384\n"
    assert int(smu.query(":STAT:MEAS?")) & 16384
    assert smu.query("*STB?") == "0\n"
    smu.write(":STAT:OPER:ENAB 1024;:INIT")
    smu.query("*OPC?")
    assert int(smu.query("*STB?")) & 128
    assert int(smu.query(":STAT:OPER?")) & 1024


def test_a_power_failure_spares_the_trace_buffer(bench, smu):
    smu.write(":OUTP ON;:TRAC:CLE;POIN 2;FEED:CONT NEXT;:TRIG:COUN 2;:INIT")
    before = smu.query(":TRAC:DATA?")
    bench.library.faults.inject("smu", "reboot")
    smu.write("*CLS")
    bench.library.clock.sleep(5)
    assert smu.query(":TRAC:DATA?") == before
    assert smu.query(":OUTP?;*ESR?") == "0;128\n"


def test_a_colon_before_a_common_command_does_no_harm(smu):
    """QCoDeS resets with ``:*RST``."""
    smu.write(":SOUR:VOLT 1;:*RST")
    assert float(smu.query(":*IDN?;:SOUR:VOLT?").split(";")[1]) == 0
    smu.write(':DISP:TEXT "a;:*b"')
    assert smu.query(":DISP:TEXT?") == '"a;:*b"\n'
    assert error(smu) == 0
