"""The two-channel source-meter at the array: sources, limits, ranges, readings, and what it refuses."""

import pytest
import pyvisa
from hypothesis import given, settings
from hypothesis import strategies as st

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
OPTIONS
"""


class Bench:
    def __init__(self, path):
        self.manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
        self.world = self.manager.visalib.world
        self.smu = self.manager.open_resource("GPIB0::26::INSTR", read_termination="\n", timeout=60_000)
        self.matrix = self.manager.open_resource("TCPIP0::192.0.2.17::inst0::INSTR", read_termination="\n")
        self.matrix.write('channel.close("1B01,1H03,1D02,1H04")')

    def ask(self, expression):
        """What ``print`` of it says, as numbers where it can."""
        return [number(text) for text in self.smu.query(f"print({expression})").split("\t")]

    def error(self):
        code, text = self.ask("errorqueue.next()")[:2]
        return code, text


def number(text):
    try:
        return float(text)
    except ValueError:
        return text


@pytest.fixture
def opened(tmp_path):
    benches = []

    def start(options='channel_b = "gate"'):
        path = tmp_path / f"smu{len(benches)}.toml"
        path.write_text(STATION.replace("OPTIONS", options), encoding="utf-8")
        benches.append(Bench(path))
        return benches[-1]

    yield start
    for bench in benches:
        bench.manager.close()


@pytest.fixture
def bench(opened):
    return opened()


def test_identity_and_reset(bench):
    assert bench.smu.query("*IDN?").startswith("Keithley Instruments Inc., Model 2636B, SIM")
    assert bench.ask("smua.source.output, smua.source.func, smua.source.levelv") == [0, 1, 0]
    assert bench.ask("smua.source.limiti, smua.source.limitv, smua.source.limitp") == [0.1, 20, 0]
    assert bench.ask("smua.source.autorangei, smua.measure.autorangev, smua.measure.nplc") == [1, 1, 1]
    assert bench.ask("smua.source.offmode, smua.source.offfunc") == [0, 1]
    assert bench.ask("smua.source.offlimiti, smua.source.offlimitv") == [1e-3, 40]
    assert bench.ask("smua.measure.delay, smua.measure.autozero, smua.measure.count") == [-1, 2, 1]
    assert bench.ask("smua.sense == smua.SENSE_LOCAL, smua.nvbuffer1.collecttimestamps") == ["true", 1]


@pytest.mark.parametrize("way", ["reset()", "*RST", "smua.reset()"])
def test_every_way_to_reset(bench, way):
    bench.smu.write("smua.source.levelv = 0.05 smua.source.limiti = 1e-6 smua.source.output = 1 smub.sense = 1")
    bench.smu.write(way)
    assert bench.ask("smua.source.output, smua.source.levelv, smua.source.limiti") == [0, 0, 0.1]
    assert bench.ask("smub.sense") == [1 if way.startswith("smua") else 0]


def test_it_measures_the_line_that_it_is_on(bench):
    bench.smu.write("smua.source.levelv = 0.05 smua.source.output = smua.OUTPUT_ON")
    amps, volts = bench.ask("smua.measure.iv()")
    assert volts == pytest.approx(0.05, rel=1e-3)
    assert amps == pytest.approx(bench.world.point().amps["smu"], rel=1e-3)
    assert bench.ask("smua.measure.r(), smua.measure.p()") == pytest.approx([volts / amps, volts * amps], rel=2e-3)
    assert bench.ask("smua.source.compliance") == ["false"]


def test_channels_are_on_rows_of_their_own(bench):
    bench.smu.write("smua.source.levelv = 0.03 smua.source.output = 1")
    bench.smu.write("smub.source.func = smub.OUTPUT_DCAMPS smub.source.limitv = 0.2 smub.source.leveli = 1e-6")
    bench.smu.write("smub.source.output = 1")
    assert bench.world.point().volts["smu"] == pytest.approx(0.03)
    assert bench.world.point().amps["gate"] == pytest.approx(1e-6)
    assert bench.ask("smub.measure.v()") == pytest.approx([bench.world.point().volts["gate"]], rel=1e-2)


def test_a_channel_on_nothing_is_open(opened):
    bench = opened("interlock = true")
    bench.smu.write("smub.source.levelv = 2 smub.source.output = 1")
    assert bench.ask("smub.measure.iv()") == pytest.approx([0, 2], abs=1e-4)
    bench.smu.write("smub.source.func = 0 smub.source.leveli = -1e-6")
    assert bench.ask("smub.measure.v()") == pytest.approx([-20], rel=1e-3)


def test_compliance_clamps_and_says_so(bench):
    bench.smu.write("smua.source.limiti = 1e-7 smua.source.levelv = 0.1 smua.source.output = 1")
    assert bench.ask("smua.measure.i()") == pytest.approx([1e-7], rel=1e-2)
    assert bench.ask("smua.source.compliance, status.measurement.instrument.smua.condition") == ["true", 2]
    assert bench.ask("status.measurement.current_limit.condition") == [2]
    bench.smu.write("smua.source.func = 0 smua.source.leveli = 1e-3 smua.source.limitv = 0.05")
    assert bench.ask("smua.measure.v()") == pytest.approx([0.05], rel=1e-3)
    assert bench.ask("smua.source.compliance, status.measurement.instrument.smua.condition") == ["true", 1]


def test_a_power_limit_lowers_compliance(bench):
    bench.smu.write("smua.source.levelv = 0.1 smua.source.limitp = 1e-8 smua.source.output = 1")
    assert bench.ask("smua.measure.i()") == pytest.approx([1e-7], rel=1e-2)


@pytest.mark.parametrize(
    ("before", "refused", "code"),
    [
        ("", "source.limiti = 0", 1102),  # what a driver that formats 100 nA with %f sends
        ("", "source.limiti = 2", 1101),
        ("", "source.limitv = -1", 1102),
        ("", "source.levelv = 500", 1101),
        ("", "source.rangev = 300", 1101),
        ("", "measure.nplc = 0.000", 1102),
        ("", "measure.nplc = 26", 1101),
        ("", "source.func = 5", 1401),
        ("smua.source.limiti = 0.5", "source.levelv = 30", 5007),
        ("smua.source.levelv = 30", "source.limiti = 0.5", 5007),
        ("smua.source.func = 0 smua.source.limitv = 40", "source.leveli = 1", 5007),
        ("smua.source.rangev = 0.2 smua.source.levelv = 0.5", "source.output = 1", 5005),
        ("smua.source.rangev = 0.2 smua.source.output = 1", "source.levelv = 0.5", 5005),
        ("smua.source.levelv = 0.5 smua.source.output = 1", "source.rangev = 0.2", 5005),
        ("smua.source.output = 1", "sense = 3", 5008),
        ("smua.measure.i(smua.nvbuffer1)", "nvbuffer1.collecttimestamps = 0", 5032),
    ],
)
def test_refusals_leave_the_setting_as_it_was(bench, before, refused, code):
    name, _, asked = refused.partition(" = ")
    bench.smu.write(before)
    (was,) = bench.ask(f"smua.{name}")
    bench.smu.write(f"smua.{refused}")
    assert bench.error()[0] == code
    assert bench.error() == (0, "Queue Is Empty")
    assert bench.ask(f"smua.{name}") == [was] != [float(asked)]


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("smua.measure.i(smua)", 5033),
        ("smua.measure.i(smua.nvbuffer1, 1)", -108),
        ("smua.measure.iv(smua.nvbuffer1, smua.nvbuffer1)", 5040),
        ("smua.trigger.source.action = 1 smua.trigger.initiate()", 5059),
        ("smua.trigger.measure.action = 1 smua.trigger.initiate()", 5060),
        ("smua.trigger.source.listv({})", 1401),
        ("smua.trigger.source.logv(-1, 1, 5, 0)", 1401),
        ("smua.measure.overlappedi()", 1400),
        ("smua.makebuffer(0)", 1102),
        ("printbuffer(1, 1)", 1400),
        ("printbuffer(1, 1, smua)", 5033),
        ("digio.readbit(15)", 1801),
    ],
)
def test_calls_that_are_refused(bench, call, code):
    bench.smu.write(call)
    assert bench.error()[0] == code
    assert bench.error() == (0, "Queue Is Empty")


def test_a_level_beyond_a_fixed_range_is_an_error_once_the_output_is_on(bench):
    bench.smu.write("smua.source.rangev = 0.2 smua.source.levelv = 0.5")
    assert bench.error()[0] == 0
    bench.smu.write("smua.source.output = 1")
    assert bench.error() == (5005, "Value too big for range")
    assert bench.ask("smua.source.output") == [0]
    bench.smu.write("smua.source.autorangev = 1 smua.source.output = 1")
    assert bench.ask("smua.source.output, smua.source.rangev") == [1, 2]


def test_ranges(bench):
    bench.smu.write("smua.source.levelv = 0.15")
    assert bench.ask("smua.source.rangev, smua.source.autorangev") == [0.2, 1]
    bench.smu.write("smua.source.rangev = 1.5")
    assert bench.ask("smua.source.rangev, smua.source.autorangev") == [2, 0]
    # what is sourced is measured on the source's range; the other setting is kept for later
    bench.smu.write("smua.measure.rangev = 10")
    assert bench.ask("smua.measure.rangev") == [2]
    bench.smu.write("smua.source.func = smua.OUTPUT_DCAMPS")
    assert bench.ask("smua.measure.rangev, smua.measure.autorangev") == [20, 0]


def test_a_reading_beyond_its_range_is_an_overflow(bench):
    bench.smu.write("smua.measure.rangei = 100e-9 smua.source.levelv = 0.05 smua.source.output = 1")
    assert bench.ask("smua.measure.i()") == [9.91e37]
    assert bench.ask("bit.bitand(status.measurement.instrument.smua.condition, 128)") == [128]
    bench.smu.write("smua.measure.autorangei = 1")
    assert bench.ask("smua.measure.i()")[0] < 1e-3
    assert bench.ask("smua.measure.rangei") == [1e-5]


def test_output_off_states(bench):
    bench.smu.write("smua.source.levelv = 0.05 smua.source.output = 1")
    assert bench.world.is_live()
    bench.smu.write("smua.source.output = 0")
    assert not bench.world.is_live()
    assert bench.world.point().volts["smu"] == pytest.approx(0)
    bench.smu.write("smua.source.offmode = smua.OUTPUT_HIGH_Z")
    assert "smu" not in bench.world.point().volts
    bench.smu.write("smua.source.offmode = smua.OUTPUT_NORMAL smua.source.offfunc = smua.OUTPUT_DCAMPS")
    assert bench.world.point().amps["smu"] == pytest.approx(0, abs=1e-15)
    bench.smu.write("smua.source.offfunc = smua.OUTPUT_DCVOLTS smua.source.output = smua.OUTPUT_HIGH_Z")
    assert "smu" not in bench.world.point().volts
    assert bench.ask("smua.source.output") == [0]


def test_the_200_volt_range_needs_the_interlock(opened):
    bench = opened("interlock = false")
    bench.smu.write("smua.source.limiti = 1e-3 smua.source.levelv = 30 smua.source.output = 1")
    assert bench.error() == (802, "Output Blocked By Interlock")
    assert bench.ask("smua.source.output, bit.bitand(status.measurement.condition, 2048)") == [0, 0]
    bench.smu.write("smua.source.levelv = 0.02 smua.source.output = 1")
    assert bench.ask("smua.source.output") == [1]


def test_faults_of_the_instrument(bench):
    faults = bench.world.faults
    bench.matrix.write('channel.open("allslots")')  # 30 V would break the junctions
    bench.smu.write("smua.source.limiti = 1e-3 smua.source.levelv = 30 smua.source.output = 1")
    assert bench.ask("smua.source.output, bit.bitand(status.measurement.condition, 2048)") == [1, 2048]
    faults.inject("smu", "interlock")
    assert bench.ask("smua.source.output, bit.bitand(status.measurement.condition, 2048)") == [0, 0]
    bench.smu.write("smua.source.output = 1")
    assert bench.error()[0] == 802
    faults.clear()
    faults.inject("smu", "over_temperature")
    bench.smu.write("smua.source.levelv = 0.02 smua.source.output = 1")
    assert bench.error() == (5046, "SMU too hot")
    faults.clear()
    faults.inject("smu", "output_refuses")
    bench.smu.write("smua.source.output = 1")
    assert bench.error()[0] == 0
    assert bench.ask("smua.source.output") == [0]
    faults.clear()
    bench.smu.write("smua.source.output = 1")
    assert bench.ask("smua.source.output") == [1]


def test_filters_and_relative_offsets(bench):
    bench.smu.write("smua.source.levelv = 0.05 smua.source.output = 1 smua.measure.rel.levelv = 0.05")
    bench.smu.write("smua.measure.rel.enablev = 1")
    assert bench.ask("smua.measure.v()") == pytest.approx([0], abs=1e-5)
    bench.smu.write("smua.measure.autozero = 0 smua.measure.filter.count = 10 smua.measure.filter.enable = 1")
    before = bench.world.now()
    bench.ask("smua.measure.v()")
    assert bench.world.now() - before == pytest.approx(0.2, rel=1e-2)


def test_measure_and_step(bench):
    bench.smu.write("smua.source.levelv = 0.01 smua.source.output = 1")
    assert bench.ask("smua.measurevandstep(0.02)") == pytest.approx([0.01], rel=1e-3)
    assert bench.ask("smua.source.levelv") == [0.02]


def test_too_much_voltage_breaks_junctions_for_ever(bench):
    bench.smu.write("smua.source.levelv = 3 smua.source.output = 1")
    bench.smu.write("smua.source.output = 0 smua.source.levelv = 0.01 smua.source.output = 1")
    assert bench.world.array.broken.any()
    assert bench.ask("smua.measure.i()")[0] > 0.01 / 1000


def test_a_small_limit_saves_the_junctions(bench):
    bench.smu.write("smua.source.limiti = 1e-5 smua.source.levelv = 3 smua.source.output = 1")
    assert bench.ask("smua.source.compliance") == ["true"]
    assert not bench.world.array.broken.any()


@settings(max_examples=100, deadline=None)
@given(level=st.floats(-1e3, 1e3), limit=st.floats(-1.0, 3.0), scale=st.floats(0, 300))
def test_whatever_is_set_stays_within_what_the_instrument_can_do(manager_of_laws, level, limit, scale):
    bench = manager_of_laws
    bench.smu.write("reset() errorqueue.clear()")
    bench.smu.write(f"smua.source.limiti = {limit!r} smua.source.rangev = {scale!r} smua.source.levelv = {level!r}")
    got_level, got_limit, got_scale = bench.ask("smua.source.levelv, smua.source.limiti, smua.source.rangev")
    assert abs(got_level) <= 202
    assert 1e-10 <= got_limit <= 1.5
    assert got_scale in (0.2, 2, 20, 200)
    if max(abs(got_level), got_scale) > 20.2:
        assert got_limit <= 0.101 * (1 + 1e-6)


@pytest.fixture(scope="module")
def manager_of_laws(tmp_path_factory):
    path = tmp_path_factory.mktemp("laws") / "smu.toml"
    path.write_text(STATION.replace("OPTIONS", ""), encoding="utf-8")
    bench = Bench(path)
    bench.matrix.write('channel.open("allslots")')
    yield bench
    bench.manager.close()
