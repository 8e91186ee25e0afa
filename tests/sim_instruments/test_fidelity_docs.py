"""docs/simulated-bench.md: its lines work, its example instrument works and is short, its table is complete."""

import re
from pathlib import Path

import pytest
import pyvisa
from typer.testing import CliRunner

from labctl import cli

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "simulated-bench.md").read_text(encoding="utf-8")
HERE = Path(__file__).parent
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_three_lines_are_enough(capsys):
    lines = [line for line in EXAMPLES[0].splitlines() if line]
    assert len(lines) == 3
    scope = {}
    exec(EXAMPLES[0], scope)  # noqa: S102 - the page's own words
    assert "MODEL 2400" in capsys.readouterr().out
    scope["smu"].visalib.open_default_resource_manager()
    scope["smu"].close()


def test_the_example_instrument_is_short_and_works(station, tmp_path, monkeypatch):
    code = next(text for text in EXAMPLES if "class Supply" in text)
    assert len(code.splitlines()) < 40
    (tmp_path / "mylab_supply.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    path = station()
    head, mark, rest = path.read_text().partition("[simulation.models]")
    path.write_text(head + mark + rest.replace('smu = "keithley2400"', 'smu = "mylab_supply:Supply"', 1))
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    try:
        supply = manager.open_resource("GPIB0::24::INSTR")
        matrix = manager.open_resource("TCPIP0::192.0.2.17::inst0::INSTR")
        matrix.write('channel.close("1B01,1H09")')
        supply.write(":VOLT 50 mV;:CURR:LIM 1E-3;:OUTP ON")
        assert manager.visalib.world.point().volts["smu"] == pytest.approx(0.05)
        assert float(supply.query(":MEAS:CURR?")) > 1e-7
        supply.write(":VOLT 3")
        assert supply.query("SYST:ERR?").startswith("-222,")
        assert float(supply.query("volt?")) == 0.05
    finally:
        manager.close()


def test_the_example_transcript_runs_once_its_remarks_are_gone(tmp_path):
    (text,) = re.findall(r"```\n(needs .*?)```", PAGE, re.DOTALL)
    (tmp_path / "mine.txt").write_text(re.sub(r"(?m) {3,}.*$", "", text), encoding="utf-8")
    words = ["conform", "GPIB0::24::INSTR", "--library", "sim:demo@labctl", "--allow-live", "--transcript"]
    done = CliRunner().invoke(cli.app(words), [*words, str(tmp_path / "mine.txt")])
    assert done.exit_code == 0, done.output


def test_every_model_that_there_is_stands_on_the_page():
    from labctl.core import plugins

    assert [model for model in plugins.known("labctl.panels") if f"`{model}`" not in PAGE] == []


def test_every_fault_that_there_is_stands_on_the_page():
    from labctl_sim.fault import KINDS

    assert [kind for kind in KINDS if f"`{kind}`" not in PAGE] == []


@pytest.mark.parametrize("number", range(1, 27))
def test_every_point_of_the_checklist_has_a_test(number):
    row = re.search(rf"(?m)^\| {number} \| .*\| (`[^|]+`) \|$", PAGE)
    assert row is not None
    names = re.findall("`(.+?)`", row[1])
    for name in names:
        if name.endswith(".py"):
            assert any((folder / Path(name).name).exists() for folder in (HERE, ROOT / "tests" / "bench"))
    if names[0].endswith(".py"):
        return
    assert names[0] == f"test_{number:02d}_*"
    sources = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_fidelity_*.py"))
    assert re.search(rf"def test_{number:02d}_|def test_\d\d_{number:02d}_", sources)
