"""``labctl safe``: what it says and how it ends; in this process, because a start costs a second."""

from filelock import FileLock
from typer.testing import CliRunner

from labctl import cli
from labctl.bench.journal import left_open
from labctl.core.errors import IllegalTransition
from labctl_sim.stations import demo


def safe(*words):
    return CliRunner().invoke(cli.app(["safe"]), ["safe", *map(str, words)], env={"COLUMNS": "400"})


def test_a_bench_is_made_safe_by_a_command_which_says_what_is_left_to_do_by_hand(tmp_path):
    done = safe("demo", "--home", tmp_path)
    assert done.exit_code == 0
    assert done.stdout.count("at rest") == 4
    path = tmp_path / "mine.toml"
    fault = '[[simulation.faults]]\ndevice = "smu"\nkind = "hang"\nmessages = 10000\n'
    text = demo().read_text(encoding="utf-8").replace('name = "demo"', 'name = "mine"\ntimeout_seconds = 0.5')
    path.write_text(text + fault, encoding="utf-8")
    done = safe(path, "--home", tmp_path)
    assert done.exit_code == 4
    assert done.stdout.count("at rest") == 3
    assert "smu        NOT SAFE: smu at GPIB0::24::INSTR cannot be opened" in done.stderr
    assert "By hand: switch off the output of smu" in done.stderr
    assert left_open(tmp_path / "agents" / "mine.journal.jsonl") is not None
    with FileLock(tmp_path / "agents" / "mine.lock"):
        done = safe(path, "--home", tmp_path)
    assert isinstance(done.exception, IllegalTransition)
    assert "another process owns the bench 'mine' (its number is" in str(done.exception)
