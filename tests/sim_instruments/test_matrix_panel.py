"""The switch matrix: channel lists, all or nothing, the little Lua around it, and hot switching."""

import pytest


def closed(bench):
    return bench.matrix.query('print(channel.getclose("allslots"))').strip()


def next_error(bench):
    code, text, _, node = bench.matrix.query("print(errorqueue.next())").split("\t")
    assert node.strip() == "1.00000e+00"
    return float(code), text


def test_close_adds_and_open_removes(bench):
    assert closed(bench) == "nil"
    bench.matrix.write('channel.close("1A01,2B03")')
    bench.matrix.write('channel.close("1C05:1C07")')
    assert closed(bench) == "1A01;1C05;1C06;1C07;2B03"
    bench.matrix.write('channel.open("1A01, 1C06")')
    assert closed(bench) == "1C05;1C07;2B03"
    bench.matrix.write('channel.exclusiveclose("2H12")')
    assert closed(bench) == "2H12"
    bench.matrix.write('channel.exclusiveclose("")')
    assert closed(bench) == "nil"


@pytest.mark.parametrize("way", ['channel.reset("allslots")', "reset()", 'channel.open("allslots")', "*RST"])
def test_everything_can_be_opened(bench, way):
    bench.matrix.write('channel.close("1A01,2B03")')
    bench.matrix.write(way)
    assert closed(bench) == "nil"


@pytest.mark.parametrize("bad", ["1A13", "3A01", "1J01", "1A1", "1A01:1B03", "1A03:1A01", "", "slot3"])
def test_a_wrong_channel_moves_nothing_at_all(bench, bad):
    bench.matrix.write('channel.close("1A01")')
    bench.matrix.write(f'channel.close("1B02,{bad}")')
    assert closed(bench) == "1A01"
    assert float(bench.matrix.query("print(errorqueue.count)")) == 1
    assert next_error(bench)[0] > 1000
    assert next_error(bench) == (0.0, "Queue Is Empty")


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("channel.close(", -285),
        ("for i = 1, 3 do end", -285),
        ('channel.shut("1A01")', -286),
        ("channel.close()", -286),
        ("channel.BREAK_BEFORE_MAKE = 3", -286),
        ("print(1 + nil)", -286),
        ("*NONSENSE", -113),
    ],
)
def test_what_it_cannot_read_or_run_is_an_error(bench, line, code):
    bench.matrix.write(line)
    assert next_error(bench)[0] == code


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("1", "1.00000e+00"),
        ("2 * 3 - 1 / 4", "5.75000e+00"),
        ("-(2 + 0x10)", "-1.80000e+01"),
        ('"a" .. "b", nil, true', "ab\tnil\ttrue"),
        ("channel.connectrule == nil", None),
        ("channel.connectrule, channel.MAKE_BEFORE_BREAK", "1.00000e+00\t2.00000e+00"),
        ("tostring(1.5)", "1.50000e+00"),
        ("unknown.name", "nil"),
    ],
)
def test_print(bench, expression, printed):
    bench.matrix.write(f"print({expression})")
    if printed is None:
        assert next_error(bench)[0] == -285
    else:
        assert bench.matrix.read() == printed + "\n"


def test_statements_share_a_line(bench):
    bench.matrix.write(
        'channel.connectrule = channel.OFF; channel.close("1A01") print(channel.connectrule) waitcomplete()'
    )
    assert bench.matrix.read() == "0.00000e+00\n"
    assert closed(bench) == "1A01"


def test_relays_take_their_time_and_the_connect_rule_is_kept(bench):
    clock = bench.library.clock
    for rule, seconds in (
        ("channel.OFF", 4e-3),
        ("channel.BREAK_BEFORE_MAKE", 8e-3),
        ("channel.MAKE_BEFORE_BREAK", 8e-3),
    ):
        bench.matrix.write(f'channel.connectrule = {rule} channel.exclusiveclose("1A01")')
        before = clock.now()
        bench.matrix.write('channel.exclusiveclose("1B01")')
        assert clock.now() - before == pytest.approx(seconds)
    bench.matrix.write('channel.open("1B01") channel.setdelay("1B01", 0.5)')
    before = clock.now()
    bench.matrix.write('channel.close("1B01")')
    assert clock.now() - before == pytest.approx(0.504)


def test_moving_relays_under_a_live_source_is_seen(bench):
    bench.route(smu=0)
    assert bench.world.hot_switches == 0
    bench.smu.write(":SOUR:VOLT -0.05;:OUTP ON")
    bench.route(smu=1)
    assert bench.world.hot_switches == 2  # break, then make
    bench.smu.write(":OUTP OFF")
    bench.route(smu=2)
    assert bench.world.hot_switches == 2
    bench.pulser.write(":FUNC1 DC;:VOLT1:OFFS 0.1;:OUTP1 ON")
    bench.matrix.write('channel.open("allslots")')
    assert bench.world.hot_switches == 3
