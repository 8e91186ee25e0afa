"""Golden transcripts: the format's laws, and the shipped ones against the simulated instruments."""

import re
from pathlib import Path

import pytest
import pyvisa
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from labctl import cli
from labctl.bench.conform import conform, load
from labctl.bench.transcript import Pattern, escape, parse, unescape
from labctl.bench.visa import open_visa
from labctl.core.errors import InstrumentGone, ParameterError
from labctl_sim import transcripts
from labctl_sim.bench import open_bench
from labctl_sim.serve import serving
from labctl_sim.stations import demo

ADDRESSES = {
    "pulser": "USB0::0x0957::0x4108::SIM00001::INSTR",
    "smu": "GPIB0::24::INSTR",
    "matrix": "TCPIP0::192.0.2.17::inst0::INSTR",
    "digitizer": "TCPIP0::192.0.2.18::inst0::INSTR",
}
MODELS = {
    "keithley2400": ("smu", "labctl_sim.keithley2400:Keithley2400"),
    "keithley2636b": ("smu", "labctl_sim.keithley2636b:Keithley2636B"),
    "keithley7001": ("matrix", "labctl_sim.keithley7001:Keithley7001"),
    "keithley707b": ("matrix", "labctl_sim.keithley707b:Keithley707B"),
    "keysight81160a": ("pulser", "labctl_sim.keysight81160a:Keysight81160A"),
    "pg1074": ("pulser", "labctl_sim.pg1074:PG1074"),
    "redpitaya": ("digitizer", "labctl_sim.redpitaya:RedPitaya"),
    "tektronixmso": ("digitizer", "labctl_sim.tektronixmso:TektronixMSO"),
}
SMU = ADDRESSES["smu"]


@pytest.fixture
def library(tmp_path):
    """The demo bench with another panel at one of its addresses: a library string, held open for the test."""
    managers = []

    def build(model, extra=""):
        role, panel = MODELS[model]
        head, mark, rest = demo().read_text(encoding="utf-8").partition("[simulation.models]")
        rest, found = re.subn(rf'(?m)^{role} = ".*"$', f'{role} = "{panel}"', rest, count=1)
        assert found == 1
        path = tmp_path / f"{model}.toml"
        path.write_text(head.replace("array_seed", "noise_seed = 1\narray_seed") + mark + rest + extra, "utf-8")
        managers.append(pyvisa.ResourceManager(f"sim:{path}@labctl"))
        return f"sim:{path}@labctl", managers[-1].visalib.world

    yield build
    for manager in managers:
        manager.close()


def play(library, address, transcript, **options):
    visa = open_visa(library, 2.0)
    return conform(visa, address, transcript, **options)


def shipped(model):
    return load(model, getattr(transcripts, model)())


@pytest.mark.parametrize("model", MODELS)
def test_the_simulated_instrument_answers_as_its_transcript_says(library, model):
    spec, world = library(model)
    report = play(spec, ADDRESSES[MODELS[model][0]], shipped(model), allow_live=True)
    assert report.unified(model, spec) == ""
    assert report.compared >= 8
    assert (report.refused, report.impossible) == ([], [])
    assert not world.is_live()  # [finally] leaves it off
    assert not world.array.broken.any()


@pytest.mark.parametrize("front", ["hislip", "sockets"])
@pytest.mark.parametrize("model", ["keithley2400", "keithley707b", "keysight81160a"])
def test_the_same_transcript_holds_over_the_network(library, model, front):
    path = Path(library(model)[0].removeprefix("sim:").removesuffix("@labctl"))
    role = MODELS[model][0]
    with serving(open_bench(path, clock="virtual")) as served:
        visa = open_visa("@py", 2.0)
        report = conform(visa, getattr(served, front)[role], shipped(model), allow_live=True)
        visa.close()
    assert report.unified(model, front) == ""
    left_out = {what.written.split()[0] for what in report.impossible}
    assert left_out <= ({"stb", "clear", "[unread", "[nothing"} if front == "sockets" else {"[nothing"})


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_turned_on_and_no_relay_moves_unless_allowed(library, model, monkeypatch):
    spec, world = library(model)
    asked = []
    monkeypatch.setattr(world, "relays", lambda closed, seconds: asked.append(closed))
    real = world.show
    monkeypatch.setattr(world, "show", lambda role, face: (real(role, face), asked.append(world.is_live())))
    report = play(spec, ADDRESSES[MODELS[model][0]], shipped(model))
    assert report.unified(model, spec) == ""
    assert not any(asked), "a step that turns an output on or moves a relay is not marked live"
    has_live = any(section.live for section in shipped(model).sections)
    assert bool(report.refused) == has_live


def test_every_wrong_line_is_found_where_it_stands(library):
    spec, _ = library("keithley2400")
    text = transcripts.keithley2400().read_text()
    places = [number for number, line in enumerate(text.splitlines()) if line.startswith("< ")]
    assert len(places) > 30
    lines = text.splitlines()
    for number in places:
        lines[number] += "!"
    report = play(spec, SMU, parse("\n".join(lines), "changed"), allow_live=True)
    assert [one.line for one in report.differences] == [number + 1 for number in places]
    assert all(one.expected == one.found + "!" for one in report.differences)


COMMAND_LINE = """
[one]
> *CLS
> *IDN?
~ KEITHLEY INSTRUMENTS INC.,MODEL 2410,{rest}
stb 0

[two]
live > :OUTP ON
"""


def test_the_command_line_reports_as_diff_does(library, tmp_path):
    spec, world = library("keithley2400")
    (tmp_path / "mine.txt").write_text(COMMAND_LINE)
    words = ["conform", SMU, "--library", spec]
    done = CliRunner().invoke(cli.app(words), [*words, "--transcript", str(tmp_path / "mine.txt")])
    assert done.exit_code == 1
    assert done.stdout.splitlines()[:7] == [
        "--- mine.txt",
        f"+++ {SMU}",
        "@@ line 5 [one] @@",
        " > *CLS",
        " > *IDN?",
        "-~ KEITHLEY INSTRUMENTS INC.,MODEL 2410,{rest}",
        "+< KEITHLEY INSTRUMENTS INC.,MODEL 2400,SIM0002,C32   Oct  4 2010 14:20:11/A02  /S/K",
    ]
    assert "line 8 [two] turns outputs on or moves relays; see --allow-live" in done.stdout
    assert not world.is_live()
    words += ["--model", "labctl_sim.transcripts:keithley2400"]
    done = CliRunner().invoke(cli.app(words), words)
    assert (done.exit_code, done.stdout.splitlines()[-1][-8:]) == (0, "0 differ")


def test_a_missing_answer_does_not_shift_those_after_it(library):
    spec, _ = library("keithley2400")
    text = "[a]\n> *CLS\n> *IDN\n< 1\n> *OPC?\n< 1\n> *OPC?\n< 2\n> *OPC?\ntimeout 0.1\n"
    report = play(spec, SMU, parse(text, "t"))
    assert [(one.line, one.found) for one in report.differences] == [(4, "(no reply)"), (8, "< 1"), (10, "< 1")]
    assert report.differences[0].asked == ("> *CLS", "> *IDN")


def test_the_end_is_sent_even_when_the_connection_breaks(library):
    fault = '[[simulation.faults]]\ndevice = "smu"\nkind = "vanish"\nafter_messages = 1\n'
    spec, _ = library("keithley2400", fault)
    with pytest.raises(InstrumentGone):
        play(spec, SMU, parse("[a]\n> *CLS\n> *CLS\n[finally]\n> *RST\n", "t"))
    spec, world = library("keithley2400")
    text = "[a]\nlive > :OUTP ON;:SOUR:VOLT 0.1\n> :OUTP?\n< 0\n[finally]\n> *RST\n"
    assert len(play(spec, SMU, parse(text, "t"), allow_live=True).differences) == 1
    assert not world.is_live()


@pytest.mark.parametrize("allowed", [False, True])
def test_live_steps_at_the_end_are_sent_only_where_live_ones_were_allowed(library, allowed):
    spec, world = library("keithley2400")
    text = "[a]\n> :SOUR:VOLT 0.1\n[finally]\n> :SENS:CURR:NPLC 0.5\nlive > :OUTP ON\n"
    play(spec, SMU, parse(text, "t"), allow_live=allowed)
    assert world.is_live() is allowed
    assert play(spec, SMU, parse("[a]\n> :SENS:CURR:NPLC?\n< +5.000000E-01\n", "t")).agrees


@given(st.binary())
def test_any_bytes_can_be_written_down(data):
    assert unescape(escape(data)).encode("latin-1") == data
    assert escape(data).isprintable()
    assert escape(data).isascii()


@pytest.mark.parametrize(
    ("pattern", "reply", "right"),
    [
        ("{0.05 +- 1%},{number}", b"+5.04E-02,-9", True),
        ("{0.05 +- 1%},{number}", b"+5.06E-02,-9", False),
        ("{0 +- 1e-8}", b"-9.9E-09", True),
        ("{-5 +- 10%}", b"-5.4", True),
        ("{0|1}", b"1", True),
        ("{0|1}", b"2", False),
        ("#18{bytes 8}", b"#18\n;\x00\xff1234", True),
        ("#18{bytes 8}", b"#18\n;\x00\xff123", False),
        ("A,{serial},B", b"A,12 34/5,B", True),
        ("A,{serial},B", b"A,1,2,B", False),
        ("A{rest}", b"A,1,2;x", True),
        (r"\x41\n", b"A\n", True),
        ("(.*)", b"xyz", False),
    ],
)
def test_patterns(pattern, reply, right):
    assert Pattern(pattern).matches(reply) is right


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("> *IDN?\n", "line 1"),
        ("[a]\n>*IDN?\n", "line 2.*begins with one of"),
        ("[a]\n> *CLS\nread 5\n", "line 3"),
        ("[a]\n> \\q\n", "line 2.*\\\\q means nothing"),
        ("[a]\n> \u00b5\n", "line 2.*above 127"),
        ("[a]\n~ {5%}\n", "line 2.*0.05"),
        ("[a]\nstb x\n", "line 2.*stb 64"),
        ("[a]\nwait soon\n", "line 2"),
        ("[a] not on pigeons\n> *CLS\n", "line 1.*pigeons.*stream, hislip"),
        ("# nothing\n", r"no \[section\]"),
    ],
)
def test_what_is_not_in_the_format_is_refused_with_its_line(text, says):
    with pytest.raises(ParameterError, match=says):
        parse(text, "t.txt")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"nowhere\.txt"):
        load("keithley2400", tmp_path / "nowhere.txt")
