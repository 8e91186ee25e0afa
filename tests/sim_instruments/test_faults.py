"""What can go wrong on purpose: every kind, from a station file, from Python, with the same seed the same way."""

import pytest
import pyvisa
from hypothesis import given, settings
from hypothesis import strategies as st
from pyvisa.constants import StatusCode

from labctl.core.device import Crosspoint
from labctl.core.errors import StationError
from labctl_sim import faults
from labctl_sim.fault import Fault, parse

IDENTITY = "MYLAB,BOX,SIM0001,box"


def fails(code, action, *arguments):
    with pytest.raises(pyvisa.VisaIOError) as caught:
        action(*arguments)
    assert caught.value.error_code == code


@pytest.fixture
def bench(boxes):
    return boxes()


@pytest.mark.parametrize("kind", ["hang", "timeout"])
def test_a_timeout_is_a_message_that_was_not_heard(bench, kind):
    box = bench.open()
    bench.library.faults.inject("box", kind, after_messages=1, messages=2)
    box.write("VOLT 1")
    box.write("VOLT 2")
    fails(StatusCode.error_timeout, box.query, "VOLT?")
    assert float(box.query("VOLT?")) == 1
    assert box.query("SYST:ERR?").startswith("+0")


def test_a_slow_reply_comes_late_and_then_to_the_wrong_question(bench):
    box, clock = bench.open(), bench.library.clock
    box.timeout = 2000
    bench.library.faults.inject("box", "slow", delay_seconds=1.5)
    before = clock.now()
    assert box.query("*IDN?") == IDENTITY
    assert clock.now() - before == pytest.approx(1.5)
    bench.library.faults.inject("box", "slow", delay_seconds=2.5)
    fails(StatusCode.error_timeout, box.query, "*IDN?")
    clock.sleep(1)
    assert box.read() == IDENTITY


def test_a_garbled_block_keeps_its_length(bench):
    box = bench.open(read_termination=None)
    box.write_raw(b"DATA #3512" + bytes(512) + b"\n")
    bench.library.faults.inject("box", "garble")
    box.write("DATA?")
    reply = box.read_raw()
    good = b"#3512" + bytes(512) + b"\n"
    assert len(reply) == len(good)
    assert reply != good
    assert reply.endswith(b"\n")
    box.write("DATA?")
    assert box.read_raw() == good


def test_a_truncated_block_ends_early(bench):
    box = bench.open(read_termination=None)
    box.write_raw(b"DATA #3512" + bytes(512) + b"\n")
    bench.library.faults.inject("box", "truncate")
    box.write("DATA?")
    assert len(box.read_raw()) == 518 // 2
    assert box.query("*OPC?") == "1\n"


def test_a_connection_drops_in_the_middle_of_a_block(bench):
    box = bench.open(read_termination=None)
    box.write_raw(b"DATA #3512" + bytes(512) + b"\n")
    bench.library.faults.inject("box", "drop")
    box.write("DATA?")
    assert len(box.read_bytes(100)) == 100
    fails(StatusCode.error_connection_lost, box.read_bytes, 418)
    fails(StatusCode.error_connection_lost, box.query, "*OPC?")
    again = bench.open()
    assert again.query("*OPC?") == "1"


def test_a_reboot_forgets_the_settings_and_says_so(bench):
    box, far = bench.open(), bench.open("far")
    for role, session in (("box", box), ("far", far)):
        session.write("VOLT 2;*CLS;*PSC 0;*SRE 32;*SAV 1")
        bench.library.faults.inject(role, "reboot", after_messages=1, delay_seconds=3.0)
        session.write("VOLT 3")
    with pytest.raises(pyvisa.VisaIOError) as lost:
        far.write("VOLT 4")  # power is off
    assert lost.value.error_code == StatusCode.error_connection_lost
    box.write("VOLT 4")
    fails(StatusCode.error_timeout, box.query, "VOLT?")
    bench.library.clock.sleep(3)
    for session in (box, bench.open("far")):
        assert session.query("VOLT?;*ESR?;*SRE?") == "+0.00000000E+00;128;32"
        session.write("*RCL 1")
        assert float(session.query("VOLT?")) == 2


def test_a_full_error_queue(bench):
    box = bench.open()
    bench.library.faults.inject("box", "overflow")
    assert box.query("*OPC?") == "1"
    assert [int(box.query("SYST:ERR?").split(",")[0]) for _ in range(6)] == [-350] * 5 + [0]


def test_another_instrument_answers(bench):
    box = bench.open()
    bench.library.faults.inject("box", "identity", messages=3, detail="ACME,BOMB,1,1")
    assert box.query("VOLT?;*OPC?") == "+0.00000000E+00;1"
    assert box.query("*IDN?") == box.query("*idn?") == "ACME,BOMB,1,1"
    assert box.query("*IDN?") == IDENTITY


def test_someone_turns_a_knob_behind_our_back(bench):
    box = bench.open()
    bench.library.faults.inject("box", "front_panel", after_messages=1, detail="VOLT 4;*IDN?")
    box.write("VOLT 1")
    assert float(box.query("VOLT?")) == 4
    assert box.query("SYST:ERR?").startswith("+0")


@pytest.mark.parametrize(("kind", "count"), [("missed_trigger", 0), ("duplicate_trigger", 4)])
def test_triggers_are_missed_or_come_twice(bench, kind, count):
    box = bench.open()
    bench.library.faults.inject("box", kind)
    box.write("*TRG")
    box.assert_trigger()
    assert int(box.query("TRIG?")) == count
    bench.library.faults.clear()
    box.write("*TRG")
    assert int(box.query("TRIG?")) == count + 1


def test_an_output_refuses_to_turn_on_as_long_as_the_condition_holds(bench):
    box = bench.open()
    bench.library.faults.inject("box", "output_refuses", after_seconds=10, for_seconds=5)
    for wait, on in ((0, "1"), (11, "0"), (5, "1")):
        bench.library.clock.sleep(wait)
        box.write("OUTP ON")
        assert box.query("OUTP?") == on


def test_a_stuck_relay_is_felt_and_not_seen(bench):
    world = bench.library.world
    world.faults.inject("box", "stuck_relay", detail="1A01,2B03=open")
    closed = frozenset({Crosspoint(2, 2, 3), Crosspoint(1, 1, 2)})
    world.relays(closed, 0.0)
    assert world.closed == closed
    assert world.contacts == {Crosspoint(1, 1, 1), Crosspoint(1, 1, 2)}


def test_faults_come_from_the_station_file(boxes):
    bench = boxes("[[simulation.faults]]\ndevice = 'box'\nkind = 'identity'\nafter_messages = 1\ndetail = 'X'\n")
    box = bench.open()
    assert [box.query("*IDN?") for _ in range(3)] == [IDENTITY, "X", IDENTITY]
    bench.library.reset()
    assert [box.query("*IDN?") for _ in range(3)] == [IDENTITY, "X", IDENTITY]


def test_chance_is_the_same_for_the_same_seed(boxes):
    runs = []
    for _ in range(2):
        bench = boxes()
        box = bench.open(encoding="latin-1")
        bench.library.faults.inject("box", "identity", messages=200, chance=0.3, detail="wrong")
        bench.library.faults.inject("box", "garble", messages=200, chance=0.1)
        runs.append([box.query("*OPC?;*IDN?") for _ in range(100)])
    assert runs[0] == runs[1]
    # binomial (100, 0.3): outside of 10 to 50 once in 200,000 seeds
    assert 10 < sum("wrong" in reply for reply in runs[0]) < 50


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("smu:hang", Fault("smu", "hang")),
        ("smu:slow,delay_seconds=2,messages=3", Fault("smu", "slow", messages=3, delay_seconds=2.0)),
        ("a:front_panel,after_messages=2,detail=:SOUR:VOLT 1,2", Fault("a", "front_panel", 2, detail=":SOUR:VOLT 1,2")),
        (
            "m:stuck_relay,chance=.5,detail=1A05,2B01=open",
            Fault("m", "stuck_relay", chance=0.5, detail="1A05,2B01=open"),
        ),
    ],
)
def test_faults_are_spelled_in_one_line(text, fault):
    assert parse(text) == fault


@pytest.mark.parametrize(
    "text",
    [
        "",
        "smu",
        "smu:explode",
        "smu:hang,messages=x",
        "smu:hang,colour=1",
        "smu:hang,kind=1",
        "m:stuck_relay",
        "a:hang,chance=2",
    ],
)
def test_what_is_no_fault_is_refused_with_an_example(text):
    with pytest.raises(StationError, match="smu:garble,after_messages"):
        parse(text)


@given(st.binary(min_size=1, max_size=200), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_garbling_always_changes_something_but_the_length(data, seed):
    import numpy as np

    faulty = faults.Faults(lambda: 0.0, np.random.default_rng(seed))
    garbled = faulty.garble(data + b"\n")
    assert len(garbled) == len(data) + 1
    assert garbled != data + b"\n"
    assert garbled[-1:] == b"\n"


# -- conditions, each where it can be


CURRENT = {
    "keithley2400": ":OUTP:ENAB ON;:SOUR:VOLT 0.05;:OUTP ON",
    "keithley2636b": "smua.source.levelv = 0.05 smua.source.output = 1",
}


@pytest.mark.parametrize("model", CURRENT)
def test_a_condition_acts_when_it_is_due_and_not_at_the_next_message(station, opened, model):
    bench = opened(station(smu=f'"{model}"'))
    bench.smu.write(CURRENT[model])
    world = bench.world
    bench.library.faults.inject("smu", "over_temperature", after_seconds=5.0)
    bench.library.clock.sleep(4.9)
    assert world.point().volts["smu"] == pytest.approx(0.05)
    bench.library.clock.sleep(0.2)
    assert world.point().volts.get("smu", 0.0) == pytest.approx(0.0, abs=1e-6)


def test_an_interlock_that_opens_later_acts_by_itself(station, opened):
    bench = opened(station("[[simulation.faults]]\ndevice = 'smu'\nkind = 'interlock'\nafter_seconds = 3.0\n"))
    bench.smu.write(CURRENT["keithley2400"])
    bench.library.clock.sleep(2.0)
    assert bench.world.is_live()
    bench.library.clock.sleep(2.0)
    assert not bench.world.is_live()


def test_a_relay_that_gets_stuck_later_breaks_junctions_then(bench_with_relays):
    bench = bench_with_relays
    bench.smu.write("*RST;:SENS:CURR:PROT 0.1;:SOUR:VOLT 3;:OUTP ON")
    bench.library.faults.inject("matrix", "stuck_relay", detail="1B01", after_seconds=1.0)
    bench.library.clock.sleep(0.9)
    assert not bench.world.array.broken.any()
    bench.library.clock.sleep(0.2)
    assert bench.world.array.broken[:8].all()


@pytest.fixture
def bench_with_relays(station, opened):
    """Bit lines are grounded, and no word line is on anything."""
    bench = opened(station())
    bench.matrix.write("channel.exclusiveclose('1H09,1H10,1H11,1H12,2H01,2H02,2H03,2H04')")
    return bench


@pytest.mark.parametrize(
    ("model", "on", "ask"),
    [
        ("keysight81160a", ":FUNC1 DC;:VOLT1:OFFS 0.1;:OUTP1 ON", ":OUTP1?"),
        ("keysight81160a", ":APPL1:DC DEF,DEF,0.1", ":OUTP1?"),
        ("pg1074", "OUTP1:STAT ON", "OUTP1:STAT?"),
    ],
)
def test_a_generators_output_refuses(station, opened, model, on, ask):
    bench = opened(station(pulser=f'"{model}"'))
    bench.library.faults.inject("pulser", "output_refuses")
    bench.pulser.write(on)
    assert int(float(bench.pulser.query(ask))) == 0
    assert "pulser" not in bench.world.point().volts
    bench.library.faults.clear()
    bench.pulser.write(on)
    assert int(float(bench.pulser.query(ask))) == 1


@pytest.mark.parametrize(
    ("role", "kind", "can"),
    [
        ("pulser", "over_temperature", "output_refuses, missed_trigger, duplicate_trigger"),
        ("matrix", "interlock", "stuck_relay, missed_trigger, duplicate_trigger"),
        ("digitizer", "interlock", "missed_trigger, duplicate_trigger"),
        ("digitizer", "output_refuses", "missed_trigger, duplicate_trigger"),
        ("smu", "stuck_relay", "output_refuses, interlock, over_temperature, missed_trigger, duplicate_trigger"),
    ],
)
def test_what_a_model_would_not_notice_is_refused(station, opened, role, kind, can):
    detail = "1A01" if kind == "stuck_relay" else ""
    with pytest.raises(ValueError, match=f"cannot have the fault '{kind}'.* it can have {can} "):
        opened(station()).library.faults.inject(role, kind, detail=detail)
    extra = f"[[simulation.faults]]\ndevice = '{role}'\nkind = '{kind}'\ndetail = '{detail}'\n"
    with pytest.raises(StationError, match=can):
        opened(station(extra))


@pytest.mark.parametrize("model", ["keithley707b", "keithley7001"])
def test_a_relay_that_is_not_there_cannot_be_stuck(station, opened, model):
    faults = opened(station(matrix=f'"{model}"')).library.faults
    for relay in ("9H99", "1A00", "3A01", "1A01,1A99"):
        with pytest.raises(ValueError, match=f"has no relay {relay[-4:]}"):
            faults.inject("matrix", "stuck_relay", detail=relay)
    faults.inject("matrix", "stuck_relay", detail="1A12")
