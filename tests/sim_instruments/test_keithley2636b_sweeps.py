"""Hardware-timed sweeps of the 2636B: the trigger model, events, overlapped measurements, and who waits for them."""

import numpy as np
import pytest
import pyvisa

STATION = """
[instruments.smu]
address = "GPIB0::26::INSTR"
[instruments.matrix]
address = "TCPIP0::192.0.2.17::inst0::INSTR"
[array]
rows = 2
cols = 2
[wiring]
word_lines = ["1-01", "1-02"]
bit_lines = ["1-03", "1-04"]
rows = { smu = "B", gate = "D", ground = "H" }
[simulation]
profile = "vcma_long_pulse"
array_seed = 5
noise_seed = 1
[simulation.models]
smu = "labctl_sim.keithley2636b:Keithley2636B"
matrix = "labctl_sim.keithley707b:Keithley707B"
[simulation.options.smu]
channel_b = "gate"
"""
POINTS = 6
SWEEP = f"""
smua.measure.nplc = 0.1
smua.measure.autozero = 0
smua.measure.delay = 0
smua.trigger.source.linearv(0, 0.05, {POINTS})
smua.trigger.source.action = smua.ENABLE
smua.trigger.measure.iv(smua.nvbuffer1, smua.nvbuffer2)
smua.trigger.measure.action = smua.ENABLE
smua.trigger.count = {POINTS}
smua.nvbuffer1.collectsourcevalues = 1
smua.source.output = 1
"""


@pytest.fixture
def manager(tmp_path):
    path = tmp_path / "sweeps.toml"
    path.write_text(STATION, encoding="utf-8")
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    matrix = manager.open_resource("TCPIP0::192.0.2.17::inst0::INSTR")
    matrix.write('channel.close("1B01,1H03,1D02,1H04")')
    yield manager
    manager.close()


@pytest.fixture
def smu(manager):
    return manager.open_resource("GPIB0::26::INSTR", read_termination="\n", timeout=60_000)


def send(smu, lines):
    for line in filter(None, lines.strip().split("\n")):
        smu.write(line)


def ask(smu, expression):
    return [float(text) for text in smu.query(f"print({expression})").split("\t")]


def no_error(smu):
    return smu.query("print(errorqueue.next())").split("\t")[1] == "Queue Is Empty"


def swept(smu, points=POINTS):
    names = "smua.nvbuffer1.sourcevalues, smua.nvbuffer1, smua.nvbuffer2, smua.nvbuffer1.timestamps"
    reply = smu.query(f"printbuffer(1, {points}, {names})")
    return np.array(reply.split(", "), float).reshape(points, 4).T


def test_a_linear_sweep(manager, smu):
    send(smu, SWEEP)
    smu.write("smua.trigger.initiate() waitcomplete()")
    source, amps, volts, seconds = swept(smu)
    assert source == pytest.approx(np.linspace(0, 0.05, POINTS))
    assert volts == pytest.approx(source, abs=2e-5)
    assert np.corrcoef(volts, amps)[0, 1] > 0.99
    assert np.diff(seconds) == pytest.approx(2 * 0.1 / 50, rel=0.05)  # volts and amps, one after the other
    assert ask(smu, "smua.nvbuffer1.n") == [POINTS]
    assert manager.visalib.world.point().volts["smu"] == pytest.approx(0.05)  # the last level is held
    assert ask(smu, "smua.source.levelv") == [0]
    smu.write("smua.source.levelv = 0.01")
    assert manager.visalib.world.point().volts["smu"] == pytest.approx(0.01)
    assert no_error(smu)


@pytest.mark.parametrize(
    ("configure", "levels"),
    [
        ("listv({0.01, 0.03, 0.02})", [0.01, 0.03, 0.02, 0.01, 0.03, 0.02]),  # it begins again
        ("linearv(0.05, 0, 6)", np.linspace(0.05, 0, 6)),
        ("logv(0.001, 0.032, 6, 0)", [0.001, 0.002, 0.004, 0.008, 0.016, 0.032]),
    ],
)
def test_lists_and_scales(smu, configure, levels):
    send(smu, SWEEP)
    smu.write(f"smua.trigger.source.{configure} smua.trigger.initiate() waitcomplete()")
    assert swept(smu)[0] == pytest.approx(levels)
    assert no_error(smu)


def test_pulsed_sweeps_go_back_to_the_idle_level(manager, smu):
    send(smu, SWEEP)
    smu.write("smua.trigger.endpulse.action = smua.SOURCE_IDLE smua.trigger.endsweep.action = smua.SOURCE_IDLE")
    smu.write("smua.trigger.initiate() waitcomplete()")
    assert swept(smu)[2] == pytest.approx(np.linspace(0, 0.05, POINTS), abs=2e-5)
    assert manager.visalib.world.point().volts["smu"] == pytest.approx(0)


def test_it_waits_for_its_trigger_and_a_poll_sees_it_run(smu):
    send(smu, SWEEP + "smua.trigger.arm.stimulus = trigger.EVENT_ID\nsmua.trigger.initiate()")
    assert ask(smu, "status.operation.sweeping.condition, smua.nvbuffer1.n") == [2, 0]
    smu.write("*TRG")
    looks = []
    while not looks or looks[-1]:
        looks += ask(smu, "status.operation.sweeping.condition")
        assert len(looks) < 50
    assert looks[:2] == [2, 2]  # a driver's first loop waits for it to begin, its second for it to end
    assert ask(smu, "smua.nvbuffer1.n") == [POINTS]


@pytest.mark.parametrize("trigger", [lambda smu: smu.assert_trigger(), lambda smu: smu.write("*TRG")])
def test_opc_waits_for_a_sweep(smu, trigger):
    send(smu, SWEEP + "smua.trigger.arm.stimulus = trigger.EVENT_ID\nsmua.trigger.initiate()")
    smu.write("*OPC")
    assert int(smu.query("*ESR?")) & 1 == 0
    trigger(smu)
    assert smu.query("*OPC?") == "1"
    assert int(smu.query("*ESR?")) & 1
    assert ask(smu, "smua.nvbuffer1.n") == [POINTS]


def test_service_is_requested_at_the_end(smu):
    send(smu, SWEEP + "smua.trigger.initiate()")
    smu.write("*CLS")
    send(smu, "*ESE 1\n*SRE 32\n*OPC")
    smu.wait_for_srq(5000)
    assert smu.read_stb() & 32
    assert ask(smu, "smua.nvbuffer1.n") == [POINTS]


def test_waiting_for_a_trigger_that_never_comes_is_an_error(smu):
    send(smu, SWEEP + "smua.trigger.arm.stimulus = trigger.EVENT_ID\nsmua.trigger.initiate()")
    smu.write("waitcomplete()")
    assert smu.query("print(errorqueue.next())").startswith("-2.86000e+02")
    smu.write("smua.abort()")
    assert ask(smu, "status.operation.sweeping.condition") == [0]


@pytest.mark.parametrize("stop", ["smua.abort()", "reset()", "clear"])
def test_a_sweep_without_end_can_be_stopped(manager, smu, stop):
    send(smu, SWEEP + "smua.trigger.count = 0\nsmua.trigger.initiate()")
    manager.visalib.clock.sleep(0.5)
    assert ask(smu, "status.operation.sweeping.condition") == [2]
    if stop == "clear":
        smu.clear()
    else:
        smu.write(stop)
    assert ask(smu, "status.operation.sweeping.condition") == [0]
    assert no_error(smu)


def test_missed_and_duplicate_triggers(manager, smu):
    faults = manager.visalib.world.faults
    send(smu, SWEEP + "smua.trigger.source.stimulus = trigger.EVENT_ID\nsmua.trigger.initiate()")
    faults.inject("smu", "missed_trigger")
    smu.write("*TRG")
    manager.visalib.clock.sleep(1)
    assert ask(smu, "smua.nvbuffer1.n") == [0]
    faults.clear()
    for done in range(1, POINTS + 1):
        smu.write("*TRG")
        manager.visalib.clock.sleep(1)
        assert ask(smu, "smua.nvbuffer1.n") == [done]
    assert ask(smu, "status.operation.sweeping.condition") == [0]


def test_two_channels_in_step_by_blenders(smu):
    # The pattern of an open driver: source on armed or pulse complete, end of pulse when both have measured.
    for name in ("smua", "smub"):
        send(smu, SWEEP.replace("smua", name))
    send(
        smu,
        """
smub.trigger.measure.stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID
smua.trigger.measure.stimulus = smua.trigger.SOURCE_COMPLETE_EVENT_ID
smua.trigger.arm.stimulus = trigger.EVENT_ID
smub.trigger.arm.stimulus = trigger.EVENT_ID
trigger.blender[1].orenable = true
trigger.blender[1].stimulus[1] = smua.trigger.ARMED_EVENT_ID
trigger.blender[1].stimulus[2] = smua.trigger.PULSE_COMPLETE_EVENT_ID
smua.trigger.source.stimulus = trigger.blender[1].EVENT_ID
trigger.blender[2].orenable = false
trigger.blender[2].stimulus[1] = smua.trigger.MEASURE_COMPLETE_EVENT_ID
trigger.blender[2].stimulus[2] = smub.trigger.MEASURE_COMPLETE_EVENT_ID
smua.trigger.endpulse.stimulus = trigger.blender[2].EVENT_ID
smub.measure.nplc = 1
smua.trigger.initiate()
smub.trigger.initiate()
""",
    )
    assert ask(smu, "status.operation.sweeping.condition") == [6]
    smu.write("*TRG")
    smu.write("waitcomplete()")
    assert ask(smu, "smua.nvbuffer1.n, smub.nvbuffer1.n") == [POINTS, POINTS]
    assert np.diff(swept(smu)[3]) == pytest.approx(2 / 50, rel=0.05)  # the slower one sets the pace
    assert no_error(smu)


def test_a_timer_paces_a_sweep(smu):
    send(smu, SWEEP)
    send(
        smu,
        f"""
trigger.timer[1].delay = 0.1
trigger.timer[1].count = {POINTS}
trigger.timer[1].stimulus = smua.trigger.ARMED_EVENT_ID
smua.trigger.source.stimulus = trigger.timer[1].EVENT_ID
smua.trigger.initiate()
waitcomplete()
""",
    )
    assert np.diff(swept(smu)[3]) == pytest.approx(0.1, rel=1e-3)
    assert no_error(smu)


def test_overlapped_measurements(manager, smu):
    smu.write("smua.source.levelv = 0.02 smua.source.output = 1 smua.measure.count = 5")
    before = manager.visalib.clock.now()
    smu.write("smua.measure.overlappediv(smua.nvbuffer1, smua.nvbuffer2)")
    assert manager.visalib.clock.now() == before
    smu.write("smua.measure.v()")
    assert smu.query("print(errorqueue.next())").startswith("5.04200e+03\tInvalid while overlapped measure")
    values = smu.query("printbuffer(1, 5, smua.nvbuffer2)").split(", ")  # comes as it becomes available
    assert len(values) == 5
    assert manager.visalib.clock.now() > before + 5 * 2 * 0.02


def test_events_that_cause_each_other_come_to_an_end(smu):
    send(
        smu,
        """
trigger.blender[1].orenable = true
trigger.blender[2].orenable = true
trigger.blender[1].stimulus[1] = trigger.blender[2].EVENT_ID
trigger.blender[2].stimulus[1] = trigger.blender[1].EVENT_ID
trigger.blender[1].stimulus[2] = trigger.EVENT_ID
trigger.timer[1].stimulus = trigger.timer[1].EVENT_ID
trigger.timer[1].passthrough = true
""",
    )
    smu.write("*TRG")
    assert ask(smu, "1") == [1]


def test_waiting_in_a_script(manager, smu):
    before = manager.visalib.clock.now()
    assert smu.query("print(trigger.wait(0.5))") == "false"
    assert manager.visalib.clock.now() - before == pytest.approx(0.5)
    smu.write("*TRG")
    assert smu.query("print(trigger.wait(0.5))") == "true"
