"""``labctl station check --bench``: what it finds on the simulated bench, whose faults are known."""

import json

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from labctl import cli
from labctl.core.errors import IllegalTransition, InstrumentGone
from labctl_sim.stations import demo


def check(path, tmp_path, *words):
    words = ["station", "check", str(path), "--home", str(tmp_path / "home"), *words]
    return CliRunner().invoke(cli.app(["station"]), words, env={"COLUMNS": "400"})


def mine(tmp_path, extra="", *changes):
    text = demo().read_text(encoding="utf-8").replace('name = "demo"', 'name = "mine"\ntimeout_seconds = 0.5')
    for said, instead in changes:
        assert said in text
        text = text.replace(said, instead)
    path = tmp_path / "mine.toml"
    path.write_text(text + extra, encoding="utf-8")
    return path


def found(path, tmp_path):
    done = check(path, tmp_path, "--bench", "--json")
    assert done.exit_code in (0, 1), done.exception
    findings = json.loads(done.stdout)
    assert done.exit_code == int(not all(each["well"] for each in findings))
    return findings, {each["what"]: each["remedy"] for each in findings if not each["well"]}


def stuck(*details):
    return "".join(
        f'\n[[simulation.faults]]\ndevice = "matrix"\nkind = "stuck_relay"\ndetail = "{d}"\n' for d in details
    )


def test_a_bench_that_is_well(tmp_path):
    done = check("demo", tmp_path, "--bench")
    assert done.exit_code == 0, done.output
    assert "smu                      KEITHLEY INSTRUMENTS INC. 2400, serial SIM" in done.stdout
    assert done.stdout.count(" line ") == 16
    assert done.stdout.endswith("all 21 as expected\n")


def test_without_the_flag_no_instrument_is_touched(tmp_path):
    done = check("demo", tmp_path)
    assert done.exit_code == 0
    assert "array      8 x 8" in done.stdout
    assert not (tmp_path / "home").exists()


def test_lines_that_are_open_are_named_with_the_line_of_the_file(tmp_path):
    path = mine(tmp_path, stuck("1B03=open", "2B02=open"))
    findings, wrong = found(path, tmp_path)
    assert set(wrong) == {"word line 2 at 1-03", "bit line 5 at 2-02"}
    for kind, what in (("word", "word line 2 at 1-03"), ("bit", "bit line 5 at 2-02")):
        lines = path.read_text("utf-8").split("\n")
        line = next(number for number, text in enumerate(lines, 1) if text.startswith(f"{kind}_lines"))
        assert wrong[what].startswith("open: ")
        assert f"[wiring] {kind}_lines, line {line} of " in wrong[what]
    assert len(findings) == 21


def test_where_no_relay_of_a_kind_closes_every_line_of_it_is_open(tmp_path):
    _, wrong = found(mine(tmp_path, stuck(*[f"1B{n:02d}=open" for n in range(1, 9)])), tmp_path)
    assert set(wrong) == {f"word line {n} at 1-{n + 1:02d}" for n in range(8)}


def test_an_output_that_was_on_is_told(tmp_path):
    front = '\n[[simulation.faults]]\ndevice = "smu"\nkind = "front_panel"\ndetail = ":SOUR:VOLT 0.1;:OUTP 1"\n'
    _, wrong = found(mine(tmp_path, front), tmp_path)
    assert wrong == {"smu": "find out who left it on, and at what"}


def test_an_instrument_that_is_another_one_is_the_error(tmp_path):
    path = mine(tmp_path, "", ('smu = "keithley2400"', 'smu = "keithley2636b"'))
    done = check(path, tmp_path, "--bench")
    assert isinstance(done.exception, InstrumentGone)
    assert "expected model 2400" in str(done.exception)


def test_a_bench_that_has_a_master_is_left_alone(tmp_path):
    folder = tmp_path / "home" / "agents"
    folder.mkdir(parents=True)
    with FileLock(folder / "demo.lock"):
        done = check("demo", tmp_path, "--bench")
    assert isinstance(done.exception, IllegalTransition)


@pytest.mark.parametrize("flag", [(), ("--json",)])
def test_mistakes_in_the_file_come_first(tmp_path, flag):
    path = mine(tmp_path, "", ("cols = 8", "cols = 0"))
    done = check(path, tmp_path, "--bench", *flag)
    assert "[array] cols: is 0" in str(done.exception)
