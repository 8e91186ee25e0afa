"""``labctl.open_bench``: what a notebook gets, and that the bench is at rest however it is left."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

import labctl
from labctl.bench.journal import journal_path, left_open
from labctl.core.bits import Origin
from labctl.core.errors import EnvelopeError, IllegalTransition, InstrumentTimeout, ParameterError, PartNotFound
from labctl_sim.stations import demo

README = Path(__file__).parents[1] / "README.md"


def test_a_curve_comes_with_its_fits_its_figure_and_where_it_is_from(tmp_path):
    seen = []
    with labctl.open_bench("demo", tmp_path) as bench:
        curve = bench.run("switching_curve", watch=seen.append, row=1, points=9, shots=200)
        assert bench.last is curve
    points = curve.kind("point")
    assert len(points) == 9
    assert list(points["trials"]) == [200] * 9
    assert points["p_switch"].between(0, 1).all()
    assert "text" not in points
    assert set(curve.fits["model"]) == {"barrier", "logistic"}
    assert all(isinstance(note, str) for note in curve.notes)
    assert curve.origin == Origin.SIMULATED
    assert curve.provenance["instruments"]["smu"]["serial"].startswith("SIM")
    assert seen[-1].done == seen[-1].total
    file = tmp_path / "curve.png"
    assert curve.plot(file) is not None
    assert file.read_bytes()[:8] == curve._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
    assert left_open(journal_path(tmp_path, "demo")) is None
    with pytest.raises(ParameterError, match=r"no records of kind 'cell'; there are: .*point"):
        curve.kind("cell")


def test_bits_and_results_without_a_figure(tmp_path):
    with labctl.open_bench("demo", tmp_path) as bench:
        who = bench.run("identify")
        bits = bench.run("bitstream", junctions=[[0, 0]], bits_per_junction=1024, calibration_shots=200)
    assert len(who.records) >= 4
    assert who.plot(tmp_path / "none.png") is None
    assert not (tmp_path / "none.png").exists()
    assert who.fits.empty
    assert [(harvest.row, harvest.col) for harvest in bits.harvests] == [(0, 0)] * len(bits.harvests)
    assert sum(len(harvest.bits) for harvest in bits.harvests) == 1024


def test_what_had_been_measured_is_kept_when_an_instrument_fails(tmp_path):
    path = tmp_path / "mine.toml"
    text = demo().read_text("utf-8").replace('name = "demo"', 'name = "mine"\ntimeout_seconds = 0.5')
    fault = '[[simulation.faults]]\ndevice = "digitizer"\nkind = "hang"\nafter_messages = 200\nmessages = 8\n'
    path.write_text(text + fault, "utf-8")
    with pytest.raises(InstrumentTimeout) as caught, labctl.open_bench(path, tmp_path) as bench:
        bench.run("switching_curve", points=30, shots=100)
    assert any("records measured before that" in note for note in caught.value.__notes__)
    assert list(bench.last.records["kind"]) == ["threshold"]
    assert bench.last.origin == Origin.SIMULATED


@pytest.mark.parametrize(
    ("words", "error", "says"),
    [
        (("switching_curve", {"rows": 1}), ParameterError, "rows is not one of its parameters"),
        (("switching_kurve", {}), PartNotFound, "switching_curve"),
        (("sample_digits", {}), ParameterError, "this bench lacks bank"),
        (("iv_curve", {"max_volts": 5.0}), ParameterError, "max_volts"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is_sent(tmp_path, words, error, says):
    name, parameters = words
    with labctl.open_bench("demo", tmp_path) as bench, pytest.raises(error, match=says):
        bench.run(name, **parameters)


def test_the_instruments_are_guarded(tmp_path):
    with labctl.open_bench("demo", tmp_path) as bench:
        roles = bench.roles()
        with pytest.raises(EnvelopeError, match="limit"):
            roles["smu"].apply_volts(5.0, 1e-3)
        assert "matrix" not in roles
        bench.safe()
        assert bench.provenance()["station"] == "demo"


def test_a_bench_that_has_a_master_is_left_alone(tmp_path):
    (tmp_path / "agents").mkdir()
    with (
        FileLock(tmp_path / "agents" / "demo.lock"),
        pytest.raises(IllegalTransition, match="has one master"),
        labctl.open_bench("demo", tmp_path),
    ):
        pass


def test_the_readme_example_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LABCTL_HOME", str(tmp_path / "home"))
    (block,) = [
        text
        for text in re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
        if "open_bench" in text
    ]
    exec(block, {})  # noqa: S102 - our own page
    assert (tmp_path / "curve.png").read_bytes()[:4] == b"\x89PNG"


def test_importing_labctl_is_light():
    code = "import sys, labctl; print([m for m in ('pandas', 'pyvisa', 'matplotlib') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="open_bank"):
        labctl.open_bank  # noqa: B018 - asking is the test
