"""Small bad drivers, each with one classic mistake: the simulated bench must make every one of them visible.

The same short experiment is done by a careful driver and by its bad relatives. What is wrong afterwards is read off the
world and off the instruments, as a test of somebody's own driver would: that is what "caught" means here.
"""

import numpy as np
import pytest

LIMIT_AMPS = 2e-7
VOLTS = -0.05


class Refused(Exception):
    """The driver saw an error in the instrument's queue."""


class Careful:
    """READ?, short numbers, the byte order of the manual, every error raised, relays moved at rest."""

    def __init__(self, smu, matrix):
        self.smu, self.matrix, self.believed_volts = smu, matrix, 0.0
        smu.write("*RST;*CLS")

    def number(self, value):
        return f"{value:.6G}"

    def check(self):
        code, _, text = self.smu.query(":SYST:ERR?").partition(",")
        if int(code):
            raise Refused(f"{code} {text}")

    def limit(self, amps):
        self.smu.write(f":SENS:CURR:PROT {self.number(amps)}")
        self.check()

    def limit_now(self):
        return float(self.smu.query(":SENS:CURR:PROT?"))

    def loosen(self):
        self.smu.write(":SENS:CURR:PROT 1E-4;:SOUR:VOLT:RANG 0.2")

    def level(self, volts):
        self.smu.write(f":SOUR:VOLT {self.number(volts)}")
        self.check()
        self.believed_volts = volts

    def output(self, on):
        self.smu.write(f":OUTP {int(on)}")
        self.check()

    order = ">f4"  # what ``*RST`` leaves; nobody sets it here, so that the default is what counts

    def amps(self):
        self.smu.write(":FORM:ELEM CURR;:FORM:DATA REAL,32")
        self.smu.write(":READ?")
        return float(np.frombuffer(self.smu.read_raw()[2:-1], self.order)[0])

    def rest(self):
        self.level(0.0)
        self.output(False)

    def close_relays(self, places):
        self.rest()
        self.matrix.write(f'channel.exclusiveclose("{places}")')


class CarefulTsp(Careful):
    """The same care in the other dialect: a 2636B."""

    def __init__(self, smu, matrix):
        self.smu, self.matrix, self.believed_volts = smu, matrix, 0.0
        smu.write("reset()")
        smu.write("errorqueue.clear()")
        smu.write("smua.source.autorangei = 1 smua.source.autorangev = 1")

    def check(self):
        code, text = self.smu.query("print(errorqueue.next())").split("\t")[:2]
        if float(code):
            raise Refused(f"{code} {text}")

    def limit(self, amps):
        self.smu.write(f"smua.source.limiti = {self.number(amps)}")
        self.check()

    def limit_now(self):
        return float(self.smu.query("print(smua.source.limiti)"))

    def loosen(self):
        self.smu.write("smua.source.limiti = 1e-4 smua.source.rangev = 0.2")

    def level(self, volts):
        self.smu.write(f"smua.source.levelv = {self.number(volts)}")
        self.check()
        self.believed_volts = volts

    def output(self, on):
        self.smu.write(f"smua.source.output = {int(on)}")
        self.check()

    order = "<f4"  # the default, the opposite of a 2400's

    def amps(self):
        self.smu.write("format.data = format.REAL32")
        self.smu.write("smua.measure.i(smua.nvbuffer1) printbuffer(1, 1, smua.nvbuffer1.readings)")
        value = float(np.frombuffer(self.smu.read_raw()[2:6], self.order)[0])
        self.smu.write("format.data = format.ASCII")
        return value


class TspPrintsSixDecimals(CarefulTsp):
    """PyMeasure's 2600 does."""

    def number(self, value):
        return f"{value:f}"


class TspPrintsSixDecimalsAndLooksAway(TspPrintsSixDecimals):
    def check(self):
        pass


class TspWrongByteOrder(CarefulTsp):
    """Expects the 2400's order of a 2600, whose default is the other one."""

    order = ">f4"


class TspIgnoresRefusals(CarefulTsp):
    def check(self):
        pass


class TspMovesRelaysHot(CarefulTsp):
    def rest(self):
        pass


class UsesMeasure(Careful):
    """``:MEAS?`` is CONFigure: limits go back to 105 uA, and the output goes on."""

    def amps(self):
        return float(self.smu.query(":FORM:ELEM CURR;:MEAS:CURR?").rstrip())


class PrintsSixDecimals(Careful):
    """``%f`` writes 200 nA as 0.000000."""

    def number(self, value):
        return f"{value:f}"


class PrintsSixDecimalsAndLooksAway(PrintsSixDecimals):
    def check(self):
        pass


class WrongByteOrder(Careful):
    """Reads little-endian what ``*RST`` made big-endian."""

    order = "<f4"


class IgnoresRefusals(Careful):
    """Never asks for errors: -222 leaves the old level standing."""

    def check(self):
        pass


class MovesRelaysHot(Careful):
    """Routes while its source is on."""

    def rest(self):
        pass


LINE_0 = "1B01," + ",".join(f"1H{column:02d}" for column in range(2, 13)) + ",2H01,2H02,2H03,2H04"
LINE_1 = "1H01,1B02," + ",".join(f"1H{column:02d}" for column in range(3, 13)) + ",2H01,2H02,2H03,2H04"


def experiment(driver, world):
    """What one does on an ordinary morning; returns what a careful look finds wrong."""
    wrong = set()
    driver.close_relays(LINE_0)
    try:
        driver.limit(LIMIT_AMPS)
    except Refused:
        wrong.add("refused")
    driver.level(VOLTS)
    driver.output(True)
    amps = driver.amps()
    if not np.isclose(amps, world.point().amps["smu"], rtol=0.01, atol=1e-12):
        wrong.add("wrong value")
    if "smu" not in world.point().limited:
        wrong.add("no compliance")  # 50 mV on eight junctions is far more than 200 nA
    if driver.limit_now() != LIMIT_AMPS:
        wrong.add("limit changed")
    try:
        driver.loosen()
        driver.level(0.5)  # beyond the range: refused
    except Refused:
        pass
    else:
        if not np.isclose(world.point().volts["smu"], driver.believed_volts, rtol=0.01):
            wrong.add("another level than believed")
    driver.close_relays(LINE_1)
    if world.hot_switches:
        wrong.add("hot relays")
    driver.output(False)
    return wrong


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Careful, set()),
        (UsesMeasure, {"limit changed", "no compliance"}),
        (PrintsSixDecimals, {"refused", "no compliance", "limit changed"}),
        (PrintsSixDecimalsAndLooksAway, {"no compliance", "limit changed", "another level than believed"}),
        (WrongByteOrder, {"wrong value"}),
        (IgnoresRefusals, {"another level than believed"}),
        (MovesRelaysHot, {"hot relays"}),
    ],
)
def test_each_mistake_is_seen_and_care_is_not_punished(bench, kind, wrong):
    assert experiment(kind(bench.smu, bench.matrix), bench.world) == wrong


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (CarefulTsp, set()),
        (TspPrintsSixDecimals, {"refused", "no compliance", "limit changed"}),
        (TspPrintsSixDecimalsAndLooksAway, {"no compliance", "limit changed", "another level than believed"}),
        (TspWrongByteOrder, {"wrong value"}),
        (TspIgnoresRefusals, {"another level than believed"}),
        (TspMovesRelaysHot, {"hot relays"}),
    ],
)
def test_the_other_dialect_sees_them_too(station, opened, kind, wrong):
    bench = opened(station(smu='"labctl_sim.keithley2636b:Keithley2636B"'))
    assert experiment(kind(bench.smu, bench.matrix), bench.world) == wrong


def test_measuring_turns_an_output_on_that_was_off(bench):
    bench.smu.write("*RST;:SOUR:VOLT 0.1")
    assert not bench.world.is_live()
    UsesMeasure(bench.smu, bench.matrix).amps()
    assert bench.smu.query(":OUTP?") == "1\n"


def test_a_generator_that_adjusts_is_caught_by_its_queue_and_by_reading_back(bench):
    """The 81160A's family changes what it cannot do and reports: whoever looks at neither has another pulse."""
    bench.pulser.write("*RST;:FUNC1 PULS;:PULS:PER1 1E-6;:VOLT1:LOW 0;HIGH 0.5;*CLS")
    bench.pulser.write(":VOLT1:HIGH 7")
    assert float(bench.pulser.query(":VOLT1:HIGH?")) == pytest.approx(5.0)
    assert bench.pulser.query(":SYST:ERR?").startswith("-222,")
    bench.pulser.write("*CLS")
    bench.pulser.write(f":PULS:WIDT1 {20e-9:f}")  # %f again: 0.000000
    assert float(bench.pulser.query(":PULS:WIDT1?")) != pytest.approx(20e-9)
    assert bench.pulser.query(":SYST:ERR?").startswith("-222,")


def test_a_hot_move_on_the_matrix_is_counted_once_per_move(bench):
    bench.smu.write("*RST;:SOUR:VOLT 0.05;:OUTP ON")
    bench.matrix.write('channel.close("1B01")')
    bench.matrix.write('channel.open("1B01")')
    assert bench.world.hot_switches == 2
    bench.smu.write(":OUTP OFF")
    bench.matrix.write('channel.close("1B01")')
    assert bench.world.hot_switches == 2


def test_a_hot_move_on_the_other_matrix_is_seen_too(station, opened):
    bench = opened(station(matrix='"labctl_sim.keithley7001:Keithley7001"'))
    bench.smu.write("*RST;:SOUR:VOLT 0.05;:OUTP ON")
    bench.matrix.write(":CLOS (@1!2!1)")
    bench.matrix.write(":OPEN ALL")
    assert bench.matrix.query("*OPC?") == "1\n"
    assert bench.world.hot_switches == 2


def test_dac_words_in_the_wrong_byte_order_are_another_waveform(bench):
    ramp = np.arange(0, 8192, 256, dtype=np.int16)  # swapped it is 0 to 31: nothing that could be refused
    played = []
    for order in (">i2", "<i2"):
        block = ramp.astype(order).tobytes()
        bench.pulser.write("*RST;:VOLT1:LOW -0.1;HIGH 0.1;:FREQ1 1E6")
        bench.pulser.write_raw(b":DATA1:DAC VOLATILE,#3%03d" % len(block) + block + b"\n")
        bench.pulser.write(":FUNC1:USER VOLATILE;:FUNC1 USER;:OUTP1 ON")
        played.append(np.ptp(bench.world.waveform("pulser").volts))
        assert bench.pulser.query(":SYST:ERR?").startswith("+0,")
    assert played[0] == pytest.approx(0.2 * 7936 / 16382 * 2, rel=0.1)
    assert played[1] < played[0] / 100


def test_dac_words_in_the_wrong_byte_order_may_be_out_of_range(bench):
    ramp = np.linspace(-8191, 8191, 64).round().astype(np.int16)
    said = []
    for order in (">i2", "<i2"):
        block = ramp.astype(order).tobytes()
        bench.pulser.write_raw(b":DATA1:DAC VOLATILE,#3%03d" % len(block) + block + b"\n")
        said.append(bench.pulser.query(":SYST:ERR?"))
    assert said[0].startswith("+0,")
    assert said[1].startswith("-222,")
