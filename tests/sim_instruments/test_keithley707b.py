"""The switch matrix: channel lists, all or nothing, patterns, forbidden channels, connect rules, and hot switching."""

import pytest
import pyvisa

STATION = """
[instruments.matrix]
address = "TCPIP0::192.0.2.17::inst0::INSTR"
[instruments.smu]
address = "GPIB0::26::INSTR"
[array]
rows = 2
cols = 2
[wiring]
word_lines = ["1-01", "1-02"]
bit_lines = ["1-03", "2-01"]
rows = { smu = "B", ground = "H" }
[simulation]
profile = "vcma_long_pulse"
array_seed = 5
noise_seed = 1
[simulation.models]
matrix = "labctl_sim.keithley707b:Keithley707B"
smu = "labctl_sim.keithley2636b:Keithley2636B"
"""


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    path = tmp_path_factory.mktemp("matrix") / "matrix.toml"
    path.write_text(STATION, encoding="utf-8")
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    yield manager
    manager.close()


@pytest.fixture
def world(manager):
    return manager.visalib.world


@pytest.fixture
def matrix(manager):
    """A session with the matrix, as after power-up."""
    session = manager.open_resource("TCPIP0::192.0.2.17::inst0::INSTR", read_termination="\n", timeout=1000)
    session.clear()
    session.write("reset() errorqueue.clear()")
    yield session
    session.close()


@pytest.fixture
def smu(manager):
    session = manager.open_resource("GPIB0::26::INSTR", read_termination="\n")
    session.write("reset()")
    yield session
    session.write("reset()")
    session.close()


def closed(matrix):
    return matrix.query('print(channel.getclose("allslots"))')


def next_error(matrix):
    code, text, _, node = matrix.query("print(errorqueue.next())").split("\t")
    assert float(node) == 1
    return float(code), text


def test_identity_and_precision(matrix):
    assert matrix.query("*IDN?").startswith("Keithley Instruments Inc., Model 707B, SIM")
    assert matrix.query("print(format.asciiprecision)") == "1.000000000e+01"  # ten digits, unlike a 2600


def test_close_adds_and_open_removes(matrix):
    assert closed(matrix) == "nil"
    matrix.write('channel.close("1A01,2B03")')
    matrix.write('channel.close("1C05:1C07")')
    assert closed(matrix) == "1A01;1C05;1C06;1C07;2B03"
    matrix.write('channel.open("1A01, 1C06")')
    assert closed(matrix) == "1C05;1C07;2B03"
    matrix.write('channel.exclusiveclose("2H12")')
    assert closed(matrix) == "2H12"
    matrix.write('channel.exclusiveclose("")')
    assert closed(matrix) == "nil"


def test_exclusive_slot_close_leaves_other_slots_alone(matrix):
    matrix.write('channel.close("1A01,1B02,2C03")')
    matrix.write('channel.exclusiveslotclose("1D04")')
    assert closed(matrix) == "1D04;2C03"


@pytest.mark.parametrize("way", ['channel.reset("allslots")', "reset()", 'channel.open("allslots")', "*RST"])
def test_everything_can_be_opened(matrix, way):
    matrix.write('channel.close("1A01,2B03")')
    matrix.write(way)
    assert closed(matrix) == "nil"


@pytest.mark.parametrize(
    "bad", ["1A13", "3A01", "1J01", "1A1", "1A01:2B03", "1A03:1A01", "", "slot3", "Nowhere", "1B03:1B99", "9Z99"]
)
@pytest.mark.parametrize("verb", ["close", "exclusiveclose", "exclusiveslotclose", "open"])
def test_a_wrong_channel_moves_nothing_at_all(matrix, verb, bad):
    matrix.write('channel.close("1A01")')
    matrix.write(f'channel.{verb}("1A01,1B02,{bad}")')
    assert closed(matrix) == "1A01"
    assert next_error(matrix)[0] > 1000
    assert next_error(matrix) == (0.0, "Queue Is Empty")


@pytest.mark.parametrize("group", ["slot1", "allslots"])
def test_exclusive_functions_take_no_groups(matrix, group):
    matrix.write(f'channel.exclusiveclose("{group}")')
    assert closed(matrix) == "nil"
    assert next_error(matrix)[0] > 1000


def test_a_nil_list_is_an_error(matrix):
    # The trap: getclose is nil when nothing is closed.
    matrix.write('channel.open(channel.getclose("allslots"))')
    assert next_error(matrix)[0] > 1000


def test_states_in_the_order_that_was_asked(matrix):
    matrix.write('channel.close("1A02,2B03")')
    assert matrix.query('print(channel.getstate("2B03,1A01:1A03,2B04"))') == "1,0,1,0,0"
    states = matrix.query('print(channel.getstate("1A01:1B08"))').split(",")
    assert (len(states), states.index("1")) == (20, 1)  # a range counts row by row
    assert matrix.query('print(channel.gettype("1A01,1A02"))') == "1,1"
    masked = 'bit.bitand(channel.IND_CLOSED, tonumber(channel.getstate("1A02")))'
    assert float(matrix.query(f"print({masked})")) == 1


def test_closures_are_counted(matrix):
    before = int(matrix.query('print(channel.getcount("1F07"))'))
    for _ in range(3):
        matrix.write('channel.close("1F07") channel.close("1F07") channel.open("1F07")')
    assert matrix.query('print(channel.getcount("1F07,1F07"))') == str(before + 3)


def test_patterns(matrix):
    matrix.write('channel.pattern.setimage("1A01,2B02,1C03", "Path")')
    assert matrix.query('print(channel.pattern.getimage("Path"))') == "1A01,2B02,1C03"
    matrix.write('channel.close("Path,1D01")')
    assert closed(matrix) == "1A01;1C03;1D01;2B02"
    matrix.write('channel.pattern.snapshot("Now") channel.open("allslots") channel.exclusiveclose("Now")')
    assert closed(matrix) == "1A01;1C03;1D01;2B02"
    matrix.write('channel.pattern.delete("Now")')
    matrix.write('channel.open("Now")')
    assert closed(matrix) == "1A01;1C03;1D01;2B02"
    assert next_error(matrix)[0] > 1000


@pytest.mark.parametrize("name", ["allslots", "slot1", "a name", "", "1A01"])
def test_names_that_no_pattern_can_have(matrix, name):
    matrix.write(f'channel.pattern.setimage("1A01", "{name}")')
    assert next_error(matrix)[0] > 1000


def test_forbidden_channels(matrix):
    matrix.write('channel.pattern.setimage("1A01,1B02", "Path") channel.setforbidden("1B02")')
    assert matrix.query('print(channel.getforbidden("allslots"))') == "1B02"
    matrix.write('channel.close("1A01,1B02")')
    assert closed(matrix) == "nil"
    assert "forbidden" in next_error(matrix)[1]
    matrix.write('channel.close("Path")')  # it was deleted with its channel
    assert "unknown pattern" in next_error(matrix)[1]
    matrix.write('channel.clearforbidden("1B02") channel.close("1B02")')
    assert matrix.query('print(channel.getforbidden("allslots"))') == "nil"
    assert closed(matrix) == "1B02"


def test_relays_take_their_time_and_the_connect_rule_is_kept(matrix, world):
    for rule, seconds in (("OFF", 4e-3), ("BREAK_BEFORE_MAKE", 8e-3), ("MAKE_BEFORE_BREAK", 8e-3)):
        matrix.write(f'channel.connectrule = channel.{rule} channel.exclusiveclose("1A01")')
        before = world.now()
        matrix.write('channel.exclusiveclose("1B01")')
        assert world.now() - before == pytest.approx(seconds)


@pytest.mark.parametrize(("sequential", "seconds"), [(0, 4e-3 + 0.5), (1, 3 * 4e-3 + 0.5 + 0.25)])
def test_settling_and_delays_overlap_unless_sequential(matrix, world, sequential, seconds):
    matrix.write('channel.setdelay("1B01", 0.5) channel.setdelay("1B02", 0.25)')
    assert matrix.query('print(channel.getdelay("1B02,1B01,1B03"))').split(",") == [
        "2.500000000e-01",
        "5.000000000e-01",
        "0.000000000e+00",
    ]
    matrix.write(f"channel.connectsequential = {sequential}")
    before = world.now()
    matrix.write('channel.close("1B01:1B03")')
    assert world.now() - before == pytest.approx(seconds)
    before = world.now()
    matrix.write('channel.open("1B01")')  # no user delay when a relay opens
    assert world.now() - before == pytest.approx(4e-3)


@pytest.mark.parametrize("bad", ['"slot9", 1', '"1A01", -1', '"1A01", 1e6', '"1A01", "soon"', '"1A01"', '"Path", 1'])
def test_delays_are_checked(matrix, bad):
    matrix.write('channel.pattern.setimage("1A01", "Path")')
    matrix.write(f"channel.setdelay({bad})")
    assert next_error(matrix)[0] > 1000
    assert float(matrix.query('print(channel.getdelay("1A01"))')) == 0


def test_the_rule_is_one_of_three(matrix):
    assert float(matrix.query("print(channel.connectrule)")) == 1  # break before make
    matrix.write("channel.connectrule = 7")
    assert next_error(matrix)[0] == 1401
    assert float(matrix.query("print(channel.connectrule)")) == 1


def test_break_before_make_never_joins_old_and_new(matrix, manager, world, monkeypatch):
    matrix.write('channel.close("1A01,2A02")')
    seen = []
    moved = world.relays

    def watch(points, seconds):
        seen.append(len(points))
        moved(points, seconds)

    monkeypatch.setattr(world, "relays", watch)
    matrix.write('channel.exclusiveclose("1B01")')
    assert seen == [0, 1]
    matrix.write('channel.connectrule = channel.MAKE_BEFORE_BREAK channel.exclusiveclose("1C01")')
    assert seen == [0, 1, 2, 1]


def test_labels_and_specifiers(matrix):
    matrix.write('channel.setlabel("1A01", "gate")')
    assert matrix.query('print(channel.getlabel("1A01,1A02"))') == "gate,1A02"
    assert matrix.query("print(channel.createspecifier(2, 8, 12))") == "2H12"
    assert matrix.query("print(slot[1].idn)").startswith("7174A")
    assert matrix.query("print(slot[3].idn)") == "Empty Slot"


def test_loops_on_board(matrix):
    matrix.write('for c = 1, 12 do channel.close(string.format("1A%02d", c)) end')
    assert closed(matrix).count("1A") == 12


def test_moving_relays_under_a_live_source_is_seen(matrix, smu, world):
    matrix.write('channel.exclusiveclose("1B01")')
    start = world.hot_switches
    smu.write("smua.source.levelv = -0.05 smua.source.output = 1")
    matrix.write('channel.exclusiveclose("1B02")')
    assert world.hot_switches == start + 2  # break, then make
    smu.write("smua.source.output = 0")
    matrix.write('channel.exclusiveclose("1B01")')
    assert world.hot_switches == start + 2


def test_a_stuck_relay_is_not_seen_by_the_mainframe(matrix, world):
    world.faults.inject("matrix", "stuck_relay", detail="1D05")
    try:
        matrix.write('channel.close("1A01") channel.open("allslots")')
        assert closed(matrix) == "nil"
        assert {(p.row, p.column) for p in world.contacts} == {(4, 5)}
    finally:
        world.faults.clear()
        matrix.write("reset()")
