"""TSP is a real Lua: lines, scripts, printing, errors; and what scripts from a network must not be able to do."""

import time

import numpy as np
import pytest
import pyvisa
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl_sim.tsp_lua import Limits, Lua

STATION = """
[instruments.smu]
address = "GPIB0::26::INSTR"
[array]
rows = 1
cols = 1
[wiring]
word_lines = ["1-01"]
bit_lines = ["1-02"]
rows = { smu = "A" }
[simulation]
profile = "vcma_long_pulse"
array_seed = 1
noise_seed = 1
[simulation.models]
smu = "labctl_sim.keithley2636b:Keithley2636B"
[simulation.options.smu]
script_instructions = 2e7
script_seconds = 0.5
"""


@pytest.fixture(scope="module")
def manager(tmp_path_factory):
    path = tmp_path_factory.mktemp("tsp") / "tsp.toml"
    path.write_text(STATION, encoding="utf-8")
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    yield manager
    manager.close()


@pytest.fixture
def tsp(manager):
    """A session with an instrument that has no errors waiting."""
    session = manager.open_resource("GPIB0::26::INSTR", read_termination="\n", timeout=1000)
    session.clear()
    session.write("reset() errorqueue.clear() format.asciiprecision = 6")
    yield session
    session.close()


def next_error(tsp):
    code, text, severity, node = tsp.query("print(errorqueue.next())").split("\t")
    assert (severity, node) == ("2.00000e+01" if float(code) else "0.00000e+00", "1.00000e+00")
    return float(code), text


def no_error(tsp):
    return next_error(tsp) == (0.0, "Queue Is Empty")


@pytest.mark.parametrize(
    ("expression", "printed"),
    [
        ("1", "1.00000e+00"),
        ("2 * 3 - 1 / 4", "5.75000e+00"),
        ("-(2 + 0x10)", "-1.80000e+01"),
        ("2^53 + 1", "9.00720e+15"),
        ('"a" .. "b", nil, true', "ab\tnil\ttrue"),
        ("1 == 1.0, not nil, 2 ~= 2", "true\ttrue\tfalse"),
        ("#{1, 2, 3}, table.getn({4})", "3.00000e+00\t1.00000e+00"),
        ('tonumber("1e-3"), tostring(nil)', "1.00000e-03\tnil"),
        ('"x=" .. 1.5', "x=1.5"),
        ('string.format("%d;%.3e", 7, 1e-9)', "7;1.000e-09"),
        ("unknown", "nil"),
        ("smua.unknown", "nil"),
        ("smua.nvbuffer1.clear()", ""),  # as a log of a real 2600 shows
        ("(smua.nvbuffer1[1])", "nil"),
        ("type(smua.measure.i), type(smua), type(smua.sense)", "function\ttable\tnumber"),
        ("bit.bitand(12, 10), bit.bitor(12, 10), bit.test(4, 3)", "8.00000e+00\t1.40000e+01\ttrue"),
        ("node[1].smua.OUTPUT_HIGH_Z, node[1].model", "2.00000e+00\t2636B"),
        ("(makegetter(localnode, 'linefreq'))()", "5.00000e+01"),
    ],
)
def test_print(tsp, expression, printed):
    assert tsp.query(f"print({expression})") == printed
    assert no_error(tsp)


@pytest.mark.parametrize(("digits", "printed"), [(1, "1e-01"), (6, "1.23457e-01"), (10, "1.234567000e-01")])
def test_precision_of_numbers(tsp, digits, printed):
    assert tsp.query(f"format.asciiprecision = {digits} print(0.1234567)") == printed
    tsp.write("format.asciiprecision = 17")
    tsp.write("format.asciiprecision = 6")
    assert next_error(tsp) == (1405, "Invalid ASCII precision")


@settings(max_examples=200, deadline=None)
@given(value=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_every_number_is_a_double(manager, value):
    with manager.open_resource("GPIB0::26::INSTR", read_termination="\n") as session:
        session.write("format.asciiprecision = 16")
        assert float(session.query(f"print({value!r})")) == pytest.approx(value, rel=1e-15, abs=5e-324)
        session.write("format.asciiprecision = 6")


@pytest.mark.parametrize(("format_", "order", "dtype"), [(2, 1, "<f4"), (2, 0, ">f4"), (3, 1, "<f8"), (3, 0, ">f8")])
def test_numbers_as_blocks(tsp, format_, order, dtype):
    tsp.write(f"format.data = {format_} format.byteorder = {order}")
    values = [0.0, -1.5, 3.0e-7, 256.0]  # some of their bytes are 0x0A, or look like a semicolon
    tsp.write(f"printnumber({', '.join(map(repr, values))}) format.data = format.ASCII")
    raw = tsp.read_bytes(2 + 4 * np.dtype(dtype).itemsize + 1)
    assert raw[:2] == b"#0"
    assert raw[-1:] == b"\n"
    assert np.frombuffer(raw[2:-1], dtype) == pytest.approx(values)
    assert tsp.query("printnumber(1, 2)") == "1.00000e+00, 2.00000e+00"


def test_the_default_byte_order_is_little_endian(tsp):
    assert tsp.query("print(format.byteorder == format.LITTLEENDIAN)") == "true"


def test_loops_functions_and_tables(tsp):
    tsp.write("function squares(n) local t = {} for i = 1, n do t[i] = i * i end return t end")
    tsp.write("total = 0 for _, v in ipairs(squares(10)) do total = total + v end")
    assert tsp.query("print(total)") == "3.85000e+02"  # globals stay from line to line
    assert tsp.query("local s = '' for k in string.gmatch('a,b;c', '%a') do s = s .. k end print(s)") == "abc"


def test_every_print_is_a_response_of_its_own(tsp):
    tsp.read_termination = None
    tsp.write("for i = 1, 3 do print(i) end")
    assert [tsp.read() for _ in range(3)] == ["1.00000e+00\n", "2.00000e+00\n", "3.00000e+00\n"]


def test_a_new_line_discards_what_was_not_read(tsp):
    tsp.write("print(1) print(2)")
    assert tsp.read() == "1.00000e+00"
    assert tsp.query("print(3)") == "3.00000e+00"
    assert next_error(tsp) == (-410, "Query Interrupted")


def test_two_sessions_never_get_each_others_lines(manager, tsp):
    with manager.open_resource("GPIB0::26::INSTR", read_termination="\n") as other:
        tsp.write("print('a1') print('a2')")
        other.write("print('b1') print('b2')")
        assert [tsp.read(), other.read(), tsp.read(), other.read()] == ["a1", "b1", "a2", "b2"]
    assert no_error(tsp)


@pytest.mark.parametrize("run", ["ramp()", "ramp.run()", "script.user.scripts.ramp()", "ramp.source = nil ramp()"])
def test_scripts_are_uploaded_and_run(tsp, run):
    for line in ("loadscript ramp", "for i = 1, 2 do", "  print(i)", "end", "endscript"):
        tsp.write(line)
    tsp.write(run)
    if "nil" in run:
        assert next_error(tsp)[0] == -286  # what a script is cannot be assigned
        return
    assert [tsp.read(), tsp.read()] == ["1.00000e+00", "2.00000e+00"]
    assert no_error(tsp)


def test_a_script_in_one_message_runs_at_once(tsp):
    tsp.write("loadandrunscript\r\nx = 20\r\nfor i = 1, 2 do\r\n  x = x + i\r\nend\r\nprint(x)\r\nendscript")
    assert tsp.read() == "2.30000e+01"
    assert tsp.query("run() print(script.anonymous.name == '')") == "2.30000e+01"
    assert tsp.read() == "true"


@pytest.mark.parametrize(
    ("line", "code", "text"),
    [
        ("channel.close(", -285, "TSP Syntax error at line 1: unexpected symbol near `<eof>'"),
        (":SOUR:VOLT 1", -285, "TSP Syntax error at line 1: unexpected symbol near `:'"),
        ("do print(1)", -285, "TSP Syntax error at line 1: `end' expected near `<eof>'"),
        ("channel.shut()", -286, "TSP Runtime error at line 1: attempt to index global `channel' (a nil value)"),
        ("smua.shut()", -286, "TSP Runtime error at line 1: attempt to call field `shut' (a nil value)"),
        ("print(1 + nil)", -286, "TSP Runtime error at line 1: attempt to perform arithmetic on a nil value"),
        ("error('too warm')", -286, "TSP Runtime error at line 1: too warm"),
        ("smua.OUTPUT_ON = 3", -286, "TSP Runtime error at line 1: attempt to assign to `OUTPUT_ON' (read-only)"),
        ("smua.source.lvelv = 1", -286, None),
        ("loadandrunscript\nx = 1\ny = x.z.w\nendscript", -286, None),
        ("loadscript 9\nendscript", -282, "Illegal program name"),
        ("*NONSENSE", -113, "Undefined Header"),
        ("*SRE", -109, "Missing Parameter"),
        ("*RST 5", -108, "Parameter Not Allowed"),
        ("*IDN? 5", -108, "Parameter Not Allowed"),
        ("*OPC? 5", -108, "Parameter Not Allowed"),
        ("*SRE 1,2", -108, "Parameter Not Allowed"),
        ("*SRE 256", -222, "Parameter Data Out of Range"),
        ("smua.measure.nplc = 'fast'", 1401, "Parameter 1 is invalid"),
        ("delay()", 1400, "Expected at least 1 parameters"),
        ("delay(0, 1)", -108, "Parameter Not Allowed"),
        ("-" * 40_000, -363, "Input Buffer Over-run"),
    ],
)
def test_errors_have_their_codes_and_words(tsp, line, code, text):
    tsp.write(line)
    found = next_error(tsp)
    assert found == (code, text if text is not None else found[1])
    assert no_error(tsp)


def test_the_line_of_an_error_in_a_script(tsp):
    tsp.write("loadscript bad\nlocal x = {}\n\nprint(x.y.z)\nendscript")
    tsp.write("bad()")
    assert next_error(tsp) == (-286, "TSP Runtime error at line 3: attempt to index field `y' (a nil value)")


def test_an_error_of_the_instrument_does_not_end_the_script(tsp):
    # "Most errors will not abort a running script" (2600B reference manual, 8-2)
    assert tsp.query("smua.measure.nplc = 99 print('goes on')") == "goes on"
    assert next_error(tsp) == (1101, "Parameter Too Big")


def test_a_runtime_error_ends_the_script_unless_it_is_caught(tsp):
    tsp.write("print('a') error('x') print('b')")
    assert tsp.read() == "a"
    assert next_error(tsp)[0] == -286
    assert tsp.query("print(pcall(error, 'x'))") == "false\tx"
    assert tsp.query("print(xpcall(function() error('y', 0) end, function(e) return e .. '!' end))") == "false\ty!"
    assert no_error(tsp)


def test_the_queue_is_read_as_a_script_reads_it(tsp):
    tsp.write("a.b = 1 ")
    tsp.write("count = errorqueue.count code, message = errorqueue.next()")
    assert tsp.query("print(count, code, message)").startswith("1.00000e+00\t-2.86000e+02\tTSP Runtime error")
    for _ in range(40):
        tsp.write("a.b = 1")
    errors = [next_error(tsp)[0] for _ in range(31)]
    assert errors[-2:] == [-350, 0]


def test_the_object_tree_can_be_walked(tsp):
    # As the open 2600 driver does it: immediate entries, then what the metatable holds.
    assert tsp.query("print(next(smua, nil))") == "nil"
    members = {}
    for kind in ("Getters", "Setters", "Objects"):
        tsp.write(f"mt = getmetatable(smua.source) names = {{}} for k in pairs(mt.{kind}) do names[#names + 1] = k end")
        members[kind] = tsp.query("print(table.concat(names, ','))").split(",")
    assert {"levelv", "limiti", "output"} <= set(members["Setters"]) <= set(members["Getters"])
    assert "compliance" in set(members["Getters"]) - set(members["Setters"])
    assert tsp.query("print(getmetatable(smua.nvbuffer1).luatype)") == "reading_buffer"


def test_what_is_not_there(tsp):
    gone = [
        "os.execute",
        "os.exit",
        "os.getenv",
        "io.popen",
        "io.lines",
        "debug",
        "package",
        "python",
        "require",
        "module",
        "load",
        "dofile",
        "loadfile",
    ]
    gone += ["getfenv", "setfenv", "newproxy", "coroutine"]
    assert tsp.query(f"print({', '.join(gone)})") == "\t".join(["nil"] * len(gone))
    assert tsp.query("print(string.dump, loadstring(string.char(27) .. 'Lua'))").startswith("nil\tnil\t")
    assert tsp.query("for k, v in pairs(_G) do if type(v) == 'userdata' then print(k) end end print('none')") == "none"


@pytest.mark.parametrize(
    "bomb",
    [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "xpcall(function() while true do end end, function() while true do end end)",
        "local function f() return pcall(f) end while true do f() end",
        "setmetatable(_G, {__index = function() while true do end end}) print(nothing)",
        "t = {} for i = 1, 1e9 do table.insert(t, 1, i) end",
        "table.sort({3, 2, 1}, function() while true do end end)",
        "repeat delay(1) until false",
        "repeat smua.measure.i() until false",
        "while true do print('spam') end",
        "local s = ('x = 1 '):rep(1e5) while true do loadstring(s) end",
        "local s = ('a'):rep(9000) while true do s:find('.-b') end",
        "local t = {} for i = 1, 2e5 do t[i] = i end while true do table.remove(t, 1) table.insert(t, 1, 1) end",
        "local t = {} for i = 1, 1e5 do t[i] = {} end while true do collectgarbage() end",
        "local function f() pcall(f) f() end f()",
        "smua.measure.count = 2000 while true do smua.measure.i() end",
        "for i = 1, 1e6 do _G['b' .. i] = smua.makebuffer(60000) end",
    ],
)
def test_endless_loops_end_with_an_error(tsp, bomb):
    before = time.process_time()
    tsp.write(bomb)
    assert time.process_time() - before < 1.5  # for 0.5 s: nobody else is served meanwhile
    tsp.clear()
    assert tsp.query("*IDN?").startswith("Keithley Instruments Inc., Model 2636B")
    code, text = next_error(tsp)
    assert code == (-225 if "makebuffer" in bomb else -286)
    assert code == -225 or "the script was stopped" in text or "it printed more than" in text
    tsp.write("setmetatable(_G, nil) for i = 1, 100 do _G['b' .. i] = nil end collectgarbage() errorqueue.clear()")


def test_no_script_keeps_the_bench_for_long_unless_the_station_says_so():
    assert Limits().seconds <= 3
    assert Limits.of({"script_seconds": 60}).seconds == 60


@pytest.mark.parametrize(
    "search",
    [
        "('a'):rep(31000):find('(a+)' .. ('%1'):rep(200) .. 'b')",
        "('a'):rep(20000):find('(.*)%1b')",
        "('a'):rep(31000):find('.-b')",
        "('a'):rep(20000):gsub('%b()a-b', '')",
    ],
)
def test_one_search_that_takes_long_is_not_begun(tsp, search):
    before = time.process_time()
    tsp.write(f"print({search})")
    assert next_error(tsp) == (-286, "TSP Runtime error at line 1: pattern too complex for a string of this length")
    assert time.process_time() - before < 0.5


def test_searches_in_what_instruments_answer_go_on(tsp):
    tsp.write("local t = {} for i = 1, 1500 do t[i] = i .. ',' end text = table.concat(t)")
    assert tsp.query("local n = 0 for one in text:gmatch('(%d+),') do n = n + one end print(n)") == "1.12575e+06"
    assert tsp.query("print(('abab'):match('(ab)%1'))") == "ab"


def test_buffers_that_scripts_drop_are_collected_only_when_there_is_no_room(tsp):
    before = time.process_time()
    tsp.write("for i = 1, 2000 do local b = smua.makebuffer(60000) if b == nil then error('full') end end")
    assert no_error(tsp)
    assert time.process_time() - before < 1.0
    said = []

    def host(number, *_):
        said.append(number)
        return (None, float(len(said)))

    lua = Lua(host, Limits())
    lua.declare("member", "column", "readings", ("buffer",))
    lua.declare("make", 7, "buffer", ("make",))
    assert lua.execute("for i = 1, 100 do make(1) end").kind == "ok"
    assert set(said) == {7}, "nobody swept for a hundred small ones"
    assert lua.execute("for i = 1, 200 do make(1) end").kind == "ok"
    assert said.count(3) == 1


@pytest.mark.parametrize(
    "attack",
    [
        "setmetatable(smua, {})",
        "setmetatable(smua.source, nil)",
        "setmetatable(errorqueue, {__index = function() end})",
        "getmetatable(smua).__index = nil error('x')",
        "getmetatable(smua).Objects.source = nil error('x')",
        "getmetatable(smua.source).Getters.levelv = function() return 7 end error('x')",
    ],
)
def test_no_script_takes_an_object_apart(tsp, attack):
    tsp.write(attack)
    assert next_error(tsp)[0] == -286
    assert tsp.query("print(smua.source.levelv)") == "0.00000e+00"


def test_whole_numbers_may_come_from_a_division(tsp):
    assert tsp.query("smua.measure.count = 0.3 / 0.1 print(smua.measure.count)") == "3.00000e+00"


@pytest.mark.parametrize(
    "bomb",
    [
        "s = 'x' while true do s = s .. s end",
        "t = {} while true do t[#t + 1] = {} end",
        "t = {} while true do pcall(function() t[#t + 1] = string.rep('x', 1e5) .. #t end) end",
        "s = 'x' for i = 1, 60 do pcall(function() s = s .. s end) end t = {} for i = 1, 1e4 do t[i] = s .. i end",
        "b = {} for i = 1, 1e6 do b[i] = smua.makebuffer(1e6) end",
    ],
)
def test_memory_bombs_end_with_an_error(tsp, bomb):
    tsp.write(bomb)
    tsp.clear()
    assert tsp.query("*IDN?").startswith("Keithley Instruments Inc., Model 2636B")
    assert next_error(tsp)[0] in (-225, -286)
    tsp.write("errorqueue.clear()")
    assert tsp.query("print(1, smua.source.output)") == "1.00000e+00\t0.00000e+00"


@pytest.mark.parametrize(
    "attack",
    [
        "string.rep('', 1e15)",
        "string.rep('x', 1e9)",
        "print(string.find(string.rep('a', 40), string.rep('a*', 40) .. 'b'))",
        "smua.measure.i(unpack({}, 1, 5000))",
        "loadstring(string.char(27, 76, 117, 97))()",
        "local t = {} t[1] = t smua.trigger.source.listv(t)",
        r"printbuffer(1, 1, '\0ref:1:__class__')",
        r"smua.trigger.source.listv('\0list:0')",
        "error(setmetatable({}, {__tostring = function() while true do end end}))",
        "f = function() return f() + 1 end f()",
        "x = " + "(" * 500 + "1" + ")" * 500,
    ],
)
def test_what_would_hang_or_crash_the_interpreter_is_an_error(tsp, attack):
    tsp.write(attack)
    assert next_error(tsp)[0] != 0
    assert tsp.query("print(1)") == "1.00000e+00"


def test_a_group_that_a_script_deletes_is_gone_until_the_power_is_cycled(manager, tsp):
    tsp.write("saved = smub smub = nil reset()")
    assert tsp.query("print(smub)") == "nil"
    tsp.write("smub = saved")


def test_limits_are_those_of_the_station():
    said = []

    def host(*call):
        said.append(call)
        return (None,)

    lua = Lua(host, Limits.of({"script_instructions": 1000}))
    assert lua.execute("for i = 1, 100 do end").kind == "ok"
    assert lua.execute("for i = 1, 1e6 do end").kind == "stopped"
    assert lua.execute("print(1)").kind == "ok"
    assert said == [(0, "1.00000e+00")]


def test_a_script_that_is_stopped_leaves_an_interpreter_that_works():
    """Wherever the last look of the hook falls: also right after the script's end, before the hook is gone."""
    lua = Lua(lambda *_: (None,), Limits.of({"script_instructions": 1000}))
    for lead in range(250):
        assert lua.execute("x = 1 " * lead + "while true do print() end").kind == "stopped"
        assert lua.execute("print(1)").kind == "ok", lead


def test_status_bits_and_completion(tsp):
    tsp.write("*CLS")
    assert tsp.read_stb() == 0
    tsp.write("*ESE 32")
    tsp.write("status.request_enable = status.EAV")
    tsp.write("x.y = 1")
    assert tsp.read_stb() & 4
    assert float(tsp.query("print(status.condition)")) == 4 + 64
    assert tsp.query("*SRE?") == "4"
    tsp.write("*CLS")
    tsp.write("*SRE 0")
    tsp.write("status.standard.enable = 1 opc()")
    assert tsp.query("*STB?") == "32"
    assert float(tsp.query("print(status.standard.event)")) == 1
    assert tsp.query("*OPC?") == "1"
    tsp.write("status.reset()")
    assert tsp.query("*ESE?") == "0"


@pytest.mark.parametrize("way", ["*SRE {}", "status.request_enable = {}", "status.node_enable = {}"])
def test_bit_six_of_the_enable_register_is_ignored(tsp, way):
    tsp.write(way.format(64 + 16))
    assert tsp.query("*SRE?") == "16"
    tsp.write(way.format(64))
    assert tsp.query("*SRE?") == "0"


def test_a_common_command_with_a_surplus_parameter_does_nothing(tsp):
    tsp.write("smua.source.levelv = 0.5")
    tsp.write("*RST 5")
    assert next_error(tsp)[0] == -108
    assert tsp.query("print(smua.source.levelv)") == "5.00000e-01"


def test_reading_nothing_is_unterminated(tsp):
    with pytest.raises(pyvisa.VisaIOError, match="VI_ERROR_TMO"):
        tsp.read()
    assert next_error(tsp) == (-420, "Query Unterminated")


def test_no_response_is_ever_left_of_a_script_that_was_never_ended(tsp):
    tsp.write("loadscript half")
    tsp.write("print(1)")
    tsp.clear()
    assert tsp.query("print(2)") == "2.00000e+00"


def test_time_passes_on_the_virtual_clock(manager, tsp):
    before = manager.visalib.clock.now()
    tsp.write("timer.reset() delay(0.25)")
    assert manager.visalib.clock.now() - before == pytest.approx(0.25)
    assert float(tsp.query("print(timer.measure.t())")) == pytest.approx(0.25)
