"""docs/physics.md keeps its word: what follows is worked out again, pictures are there, its Python and TOML run."""

import importlib
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl import cli
from labctl_sim import profile
from labctl_sim.macrospin import fokker_planck as fp
from labctl_sim.macrospin.demagnetising import cylinder, thin_ellipsoid
from labctl_sim.macrospin.drive import rectangular
from labctl_sim.macrospin.layer import GAMMA
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.sphere import Sphere
from labctl_sim.pulse_energy import landauer_joules, pulse_energy_joules

DOCS = Path(__file__).parents[1] / "docs"
sys.path.insert(0, str(DOCS))  # what draws the page is no part of the package
PAGE = (DOCS / "physics.md").read_text(encoding="utf-8")
pictures = importlib.import_module("plot_physics")
chances, heat, network, tables, truth = (
    importlib.import_module(f"physics_plots.{name}") for name in ("chances", "heat", "network", "tables", "truth")
)
WORDS = " ".join(PAGE.split())  # line breaks are not part of a sentence


def says(*phrases):
    """Every phrase stands on the page, figures and all."""
    for phrase in phrases:
        assert phrase in WORDS, f"the page does not say {phrase!r}"


def test_the_tables_of_profiles_are_those_of_the_profiles():
    assert tables.summary() in PAGE
    assert tables.profiles_table() in PAGE


@pytest.mark.parametrize("name", pictures.PICTURES)
def test_every_picture_is_there_small_and_named_with_its_trials(name):
    path = DOCS / "physics" / f"{name}.png"
    assert f"](physics/{name}.png)" in PAGE
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) < 60_000
    trials = pictures.PICTURES[name].trials
    if trials > 1:
        caption = WORDS[: WORDS.index(f"](physics/{name}.png)")].rpartition("**")[2]
        assert f"N = {trials:,}" in caption


def test_every_reference_of_the_page_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (DOCS / target).exists(), target
    files = re.findall(r"`((?:macrospin/)?\w+\.py)`", PAGE)
    root = DOCS.parent
    for file in files:
        assert any((root / folder / file).exists() for folder in ("sim_instruments/labctl_sim", "labctl/crossbar")), (
            file
        )
    assert sorted(path.stem for path in (DOCS / "physics").glob("*.png")) == sorted(pictures.PICTURES)


@pytest.mark.parametrize("name", sorted(set(pictures.PICTURES) - {"map"}))
def test_every_picture_can_be_drawn(name):
    few = {"energy": 3, "precession": 1, "ring-down": 1, "escape": 0}.get(name, 30)
    assert pictures.picture(name, few).startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_map_can_be_drawn():
    assert pictures.picture("map", 30).startswith(b"\x89PNG")


def test_numbers_of_the_layers():
    layer = truth.precessional()
    field = float(layer.anisotropy_field()[0])
    period = 2 * np.pi / (GAMMA * 0.03)
    scales = Scales.of(layer)
    delta = float(scales.stability[0])
    barrier = delta * (1 - float(scales.transverse[0]) / (2 * delta)) ** 2
    says(
        f"For `vcma_precessional` σ_B is {1e3 * layer.thermal_tesla(1e-12)[0]:.1f} mT at 1 ps",
        f"about B_x: {1e9 * period:.3f} ns at 30 mT",
        f"Half a turn is {0.5e9 * period:.3f} ns",
        f"ω = γB_k/(1 + α²), {GAMMA * field / (1 + 0.05**2) / (2e9 * np.pi):.2f} GHz",
        f"of the {delta:.1f} kT of `vcma_precessional` its 30 mT leave {barrier:.1f} kT",
        f"It is {float(thin_ellipsoid(0.022)):.3f} for a disc of 1.1 by 50 nm, where the cylinder has "
        f"{float(cylinder(0.022)):.3f}",
        f"γ = {GAMMA / 1e11:.8f}e11 rad/(s T)",
    )
    assert barrier == pytest.approx(float(scales.barrier(np.zeros(1))[0]))


def test_numbers_of_equilibrium_and_decay():
    squares = []
    for delta in (0.0, 2.0, 4.0):
        z, law = heat.cumulative(delta)
        middle = (z[1:] + z[:-1]) / 2
        squares.append(float(np.sum(middle**2 * np.diff(law))))
    says("Exact ⟨m_z²⟩: " + ", ".join(f"{square:.4f}" for square in squares))
    taus = [1 / fp.slowest_axial(delta) for delta in (3.0, 5.0, 8.0)]
    says(f"The exact slowest decays are {taus[0]:.4f}, {taus[1]:.3f} and {taus[2]:.2f} τ_N")
    low = 1 - math.sqrt(math.pi) * math.exp(5) / (2 * 5**1.5) / taus[1]
    says(f"it is {100 * low:.0f} % low at Δ 5")


def test_numbers_of_switching():
    layer = truth.precessional()
    volts = float(layer.critical_volts[0])
    p = truth.exact(layer, volts, np.array([0.85, 2.0, 6, 20]) * 1e-9)
    says(
        f"`vcma_precessional` at V_c = {volts:.3f} V",
        f"P(0.85 ns) = {p[0]:.4f}, P(2.0 ns) = {p[1]:.4f}, P(6 ns) = {p[2]:.4f}, P(20 ns) = {p[3]:.4f} from",
    )
    tau, sphere = float(layer.neel_seconds[0]), Sphere.of(60)
    rest, pulse = truth.generator(sphere, layer, 0.0), truth.generator(sphere, layer, volts)
    pole = fp.relax(rest, sphere.point(), 1e-9 / tau)
    q = fp.switched(sphere, pole, pulse, np.array([2.0, 6]) * 1e-9 / tau, rest, 2e-9 / tau)
    says(f"P(2.0 ns) = {q[0]:.4f} and P(6 ns) = {q[1]:.4f} if the spin begins at the pole")
    stiffer = truth.exact(harder(layer), volts, np.array([0.85e-9]))
    says(f"of 0.85 ns goes from {p[0]:.4f} to {stiffer[0]:.4f} when K_i rises by 1 %")


def harder(layer):
    name = "interface_anisotropy_joules_per_square_meter"
    return replace(layer, **{name: 1.01 * layer.of(name)})


def test_a_long_pulse_is_a_fair_coin():
    layer = profile.load("vcma_long_pulse").nominal.layer
    p, stiffer = (float(truth.exact(each, 0.9, np.array([20e-9]))[0]) for each in (layer, harder(layer)))
    says(f"P(0.9 V, 20 ns) = {p:.4f}, and with K_i 1 % higher {stiffer:.4f}")


def test_numbers_of_energy():
    fast, slow = (profile.load(name).nominal for name in ("vcma_precessional", "vcma_long_pulse"))
    half_turn = np.pi / (GAMMA * 0.03)
    parallel = np.zeros(1, np.uint8)
    first, second, third = (
        pulse_energy_joules(one, rectangular(volts, width), parallel)
        for one, volts, width in ((fast, 1.494, half_turn), (fast, 1.494, 20e-9), (slow, 0.9, 20e-9))
    )
    says(
        f"1.494 V: {1e15 * first.conducted_joules[0]:.1f} fJ for half a turn, "
        f"{1e15 * second.conducted_joules[0]:.0f} fJ for 20 ns in P",
        f"0.9 V: {1e15 * third.conducted_joules[0]:.0f} fJ for 20 ns",
        f"takes {1e15 * first.charging_joules[0]:.3f} and {1e15 * third.charging_joules[0]:.3f} fJ",
        f"Landauer: {landauer_joules(300.0):.2e} J",
    )


def test_numbers_of_the_network():
    errors = network.golden_errors()
    assert len(errors) == 10
    # The last digits of rounding are the machine's: the page's bound is allowed a factor of three.
    assert max(errors.values()) < 3 * float(re.search(r"we find (\S+) at most", WORDS)[1])
    says(
        f"(64 lines, 1 Ω on 10 kΩ: {network.worst_loss(64, 1.0):.3f}, first order {64 * 65 * 1e-4:.3f})",
        f"is {network.sneak(8, 'floating'):.2f} times the true one with floating lines, "
        f"{network.sneak(8, 'half'):.2f} at V/2 (dashed), {network.sneak(8, 'third'):.2f} at V/3",
        f"States after {chances.PULSES} pulses in a row",
    )
    for size in (4, 8):
        assert network.sneak(size, "floating") == pytest.approx(size**2 / (2 * size - 1))
        assert network.sneak(size, "half") == pytest.approx((size + 1) / 2)
        assert network.sneak(size, "third") == pytest.approx(1 + (size - 1) / 3)


def python(marker):
    """The page's block of Python that contains ``marker``, as code; all are short."""
    (text,) = (block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if marker in block)
    assert len([line for line in text.splitlines() if line]) <= 10
    return compile(text, "physics.md", "exec")


def test_the_python_of_the_page_runs(capsys):
    exec(python("switching_probability"), {})  # noqa: S102 - it is our own page
    p = float(re.search(r"P = (\S+)", capsys.readouterr().out)[1])
    assert 0.2 < p < 0.8


def test_the_crossbar_of_the_page_is_solved_as_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(python("np.savez"), names)  # noqa: S102 - it is our own page
    words = re.search(r"`labctl (crossbar solve case\.npz --out solution\.npz)`", WORDS)[1].split()
    done = CliRunner().invoke(cli.app(["crossbar"]), words)
    assert done.exit_code == 0
    assert done.stderr == ""
    with np.load("solution.npz") as solution:
        found = solution["I_B"]
    first, second = (", ".join(f"{1e6 * amps:.2f}" for amps in vector).replace("-", "−") for vector in found)
    ideal = -names["volts"] @ names["siemens"]
    says(
        f"I_B is {first} µA for the first vector and {second} µA for the second",
        " and ".join(", ".join(f"{1e6 * amps:.0f}" for amps in vector).replace("-", "−") for vector in ideal),
    )


def test_the_profile_of_the_page_is_one(tmp_path):
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    mine = profile.load(str(tmp_path / "mine.toml"))
    assert mine.quantities["diameter_meters"].status == "measured"
    assert mine.stability > profile.load("vcma_long_pulse").stability
