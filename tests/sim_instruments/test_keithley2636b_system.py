"""What programs call on a 2636B besides its channels: factory scripts, set-ups, queues, links, lines, catalogues."""

import numpy as np
import pytest
import pyvisa

from labctl_sim.stations import demo

MATRIX = "TCPIP0::192.0.2.17::inst0::INSTR"


@pytest.fixture
def manager(tmp_path):
    path = tmp_path / "station.toml"
    path.write_text(demo().read_text().replace('smu = "keithley2400"', 'smu = "keithley2636b"'))
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    yield manager
    manager.close()


@pytest.fixture
def smu(manager):
    with manager.open_resource(MATRIX, read_termination="\n") as matrix:
        matrix.write('channel.exclusiveclose("1B01,1H09")')
        assert matrix.query("*OPC?") == "1"
    smu = manager.open_resource("GPIB0::24::INSTR", read_termination="\n", timeout=10_000)
    yield smu
    assert smu.query("print(errorqueue.next())").startswith("0.00000e+00\tQueue Is Empty")


def error(smu):
    code, words = smu.query("print(errorqueue.next())").split("\t")[:2]
    return float(code), words


def numbers(text):
    return np.array([float(number) for number in text.replace("\t", ",").split(",")])


@pytest.mark.parametrize(
    ("sweep", "levels"),
    [
        ("SweepVLinMeasureI(smua, 0, 0.1, 1e-3, 5)", np.linspace(0, 0.1, 5)),
        ("SweepVLogMeasureI(smua, 0.01, 0.1, 1e-3, 3)", np.geomspace(0.01, 0.1, 3)),
        ("SweepVListMeasureI(smua, {0.1, 0, 0.05}, 1e-3, 3)", [0.1, 0, 0.05]),
        ("SweepILinMeasureV(smua, 0, 1e-6, 1e-3, 3)", np.linspace(0, 1e-6, 3)),
    ],
)
def test_sweeps_of_the_factory(smu, sweep, levels):
    smu.write(f"smua.measure.nplc = 0.01 smua.source.limitv = 0.2 {sweep}")
    smu.write("printbuffer(1, smua.nvbuffer1.n, smua.nvbuffer1.sourcevalues, smua.nvbuffer1)")
    sourced, measured = numbers(smu.read()).reshape(-1, 2).T
    np.testing.assert_allclose(sourced, levels, rtol=1e-5, atol=1e-12)
    assert np.corrcoef(sourced, measured)[0, 1] > 0.99
    assert smu.query("print(smua.source.output)") == "0.00000e+00"


def test_pulses_of_the_factory(smu):
    config = "ConfigPulseVMeasureI(smua, 0, 0.1, 1e-3, 1e-3, 1e-2, 4, smua.nvbuffer1, 1)"
    assert smu.query(f"print({config})").startswith("false\t")  # the output is off
    smu.write("smua.measure.nplc = 0.01 smua.source.output = 1")
    assert smu.query(f"print({config})") == "true\tConfig OK"
    assert smu.query("print(InitiatePulseTest(2))").startswith("false\t")
    assert smu.query("print(InitiatePulseTest(1))").startswith("true\t")
    assert numbers(smu.query("print(smua.nvbuffer1.n, smua.source.levelv)")).tolist() == [4, 0]


def test_statistics_of_a_buffer(smu):
    smu.write(
        "smua.measure.nplc = 0.01 SweepVLinMeasureI(smua, 0, 0.1, 1e-3, 5) s = smua.buffer.getstats(smua.nvbuffer1)"
    )
    readings = numbers(smu.query("printbuffer(1, 5, smua.nvbuffer1)"))
    told = numbers(smu.query("print(s.n, s.mean, s.stddev, s.min.reading, s.max.reading)"))
    np.testing.assert_allclose(
        told, [5, readings.mean(), readings.std(ddof=1), readings.min(), readings.max()], rtol=1e-4
    )


def test_contact_check_sees_whether_a_relay_is_closed(manager, smu):
    assert smu.query("print(smua.contact.check(), smub.contact.check())") == "true\tfalse"
    smu.write("smua.source.output = 1 smua.contact.check() smua.source.output = 0")
    assert error(smu)[0] == 5065


def test_set_ups(smu):
    smu.write("smua.source.limiti = 1e-3 smua.measure.nplc = 0.1 setup.save(2) reset()")
    assert numbers(smu.query("print(smua.source.limiti, smua.measure.nplc)")).tolist() == [0.1, 1]
    smu.write("smua.source.output = 1 setup.recall(2)")
    assert numbers(smu.query("print(smua.source.limiti, smua.measure.nplc, smua.source.output)")).tolist() == [
        1e-3, 0.1, 0,
    ]  # fmt: skip
    smu.write("setup.recall(0)")
    assert float(smu.query("print(smua.source.limiti)")) == 0.1
    smu.write("setup.save(6)")
    assert error(smu)[0] == 1101


def test_scripts_that_were_saved_are_in_the_catalogue(smu):
    for line in ("loadscript volatile", "print(1)", "endscript", "loadscript kept", "print(2)", "endscript"):
        smu.write(line)
    smu.write("kept.save()")
    smu.write('for name in script.user.catalog() do print("<" .. name .. ">") end print("end")')
    assert [smu.read(), smu.read()] == ["<kept>", "end"]
    smu.write('kept = nil script.delete("kept") for name in script.user.catalog() do print(name) end print("end")')
    assert smu.read() == "end"
    assert smu.query("volatile.run()") == "1.00000e+00"


def test_exit_ends_a_script_without_an_error(smu):
    assert smu.query("print(1) pcall(exit) print(2)") == "1.00000e+00"
    assert smu.query("print(3)") == "3.00000e+00"


def test_the_data_queue(smu):
    assert smu.query('print(dataqueue.add("a"), dataqueue.add(2), dataqueue.count)') == "true\ttrue\t2.00000e+00"
    assert smu.query("print(dataqueue.next(), dataqueue.next(), dataqueue.next())") == "a\t2.00000e+00\tnil"


def test_waiting_for_lines_to_which_nothing_is_connected(manager, smu):
    before = manager.visalib.clock.now()
    waits = "digio.trigger[3].wait(2), tsplink.trigger[1].wait(1), lan.trigger[8].wait(0), display.trigger.wait(1)"
    assert smu.query(f"print({waits})") == "false\tfalse\tfalse\tfalse"
    assert manager.visalib.clock.now() - before == pytest.approx(4)
    smu.write("digio.trigger[3].mode = digio.TRIG_FALLING")
    assert smu.query("print(digio.trigger[3].mode)") == "1.00000e+00"
    smu.write("digio.trigger[3].reset()")
    assert smu.query("print(digio.trigger[3].mode)") == "0.00000e+00"


def test_the_link_finds_itself_only(smu):
    assert smu.query("print(tsplink.state, tsplink.reset(), tsplink.state)") == "offline\t1.00000e+00\tonline"
    smu.write("tsplink.writebit(2, 0)")
    assert numbers(smu.query("print(tsplink.readport(), tsplink.readbit(2), tsplink.readbit(1))")).tolist() == [5, 0, 1]
    assert smu.query("mine = 7 print(node[1].getglobal('mine'))") == "7.00000e+00"


def test_a_question_at_the_front_panel_is_never_answered(smu):
    smu.write('display.prompt("0.00", "V", "level?", 1)')
    code, words = error(smu)
    assert code == -286
    assert "nobody" in words


def test_timers_with_a_list_of_delays(manager, smu):
    smu.write("trigger.timer[1].delaylist = {0.5, 1.5} trigger.timer[1].count = 2 trigger.timer[1].passthrough = false")
    smu.write("trigger.timer[1].stimulus = trigger.generator[1].EVENT_ID trigger.timer[1].clear()")
    before = manager.visalib.clock.now()
    assert (
        smu.query("trigger.generator[1].assert() print(trigger.timer[1].wait(9), trigger.timer[1].wait(9))")
        == "true\ttrue"
    )
    assert manager.visalib.clock.now() - before == pytest.approx(2.0, abs=0.05)


def test_files_need_a_drive(smu):
    assert smu.query('print(io.open("/usb1/a.csv", "w"))').startswith("nil\t")
    assert smu.query('print(fs.is_dir("/usb1"))') == "false"
    smu.write('fs.mkdir("/usb1/a")')
    assert error(smu)[0] == 2203


@pytest.mark.parametrize(
    "name",
    [
        "status.questionable.instrument.smua.condition", "status.operation.user.enable", "status.system5.NODE64",
        "lan.status.ipaddress", "serial.baud", "smua.cal.date", "smub.contact.threshold", "display.KEY_EXIT",
        "bit.getfield(13, 3, 2)", "meminfo()", "gettimezone()", "os.time()", "script.anonymous.name", "beeper.ON",
    ],
)  # fmt: skip
def test_names_that_programs_read(smu, name):
    assert smu.query(f"print(type({name}))") in ("number", "string")
