"""The pictures of docs/physics.md: the simulated physics beside what knows the answer without sampling.

    python docs/plot_physics.py [NAME ...] [--out docs/physics]

Seeds are fixed, so that a picture changes only when the physics does. Bars are one standard error throughout.
"""

from __future__ import annotations

import argparse
import io
import math
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy import stats
from scipy.linalg import expm

from labctl.crossbar import case as cases
from labctl.crossbar import nonlinear, sides
from labctl.crossbar.network import Network
from labctl_sim import profile
from labctl_sim.junction import Junctions
from labctl_sim.macrospin import fokker_planck as fp
from labctl_sim.macrospin.drive import constant, rectangular
from labctl_sim.macrospin.escape import Escape, stability_at
from labctl_sim.macrospin.layer import GAMMA, FreeLayer
from labctl_sim.macrospin.scales import Scales
from labctl_sim.macrospin.sphere import Sphere
from labctl_sim.macrospin.trials import Path as Route
from labctl_sim.macrospin.trials import energy_joules, run, switching_probability
from labctl_sim.pulse_energy import landauer_joules, pulse_energy_joules
from labctl_sim.quantities import ALL

Floats = NDArray[np.float64]

INK, ACCENT, SECOND, QUIET = "#1b2733", "#0b6e99", "#c2571a", "#8a97a3"
STYLE: Any = {
    "font.size": 8.5,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.4,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
DOTS: dict[str, Any] = {"fmt": "o", "ms": 3.2, "lw": 0.9, "capsize": 1.6}
HOLLOW: dict[str, Any] = {**DOTS, "mfc": "white"}

TRIALS = {  # of every point
    "thermal-field": 200_000,
    "boltzmann": 20_000,
    "neel-brown": 40_000,
    "precession": 1,
    "ring-down": 1,
    "width": 20_000,
    "map": 20_000,
    "step": 200_000,
    "escape": 1,
    "energy": 200,
    "network": 1,
    "toggling": 8_000,
}
FEW = 1_000  # below, it is a test: less is drawn, too
PULSES = 6  # of a row without resets
GOLDEN = Path(__file__).parents[1] / "tests" / "data" / "crossbar"
PROFILES = ("vcma_long_pulse", "vcma_precessional", "stt_smart", "superparamagnetic")
LETTER = {"literature": "L", "measured": "M", "assumed": "A"}
AT_ONCE: dict[str, Any] = {"thermalise_seconds": 0.0, "relax_seconds": 0.0}


def precessional() -> FreeLayer:
    """The middle junction of `vcma_precessional`: 50 nm, Delta 30, 30 mT in the plane."""
    return profile.load("vcma_precessional").nominal.layer


def free(delta: float, damping: float = 0.2) -> FreeLayer:
    """That layer without a field, with another barrier, and damped so that it forgets soon."""
    return replace(precessional(), bx_tesla=0.0, damping=damping).with_stability(delta)


def generator(sphere: Sphere, layer: FreeLayer, volts: float) -> Any:
    """The Fokker-Planck operator of one junction at constant volts."""
    s = {name: float(value[0]) for name, value in vars(Scales.of(layer)).items()}
    lean = s["tilt"] + s["tilt_per_volt"] * volts + s["tilt_per_square_volt"] * volts**2
    field = (s["transverse"], 0.0, lean)
    delta = s["stability"] - s["drop_per_volt"] * volts
    return fp.brown(sphere, delta, field, s["damping"], s["spin_per_volt"] * volts)


def exact(layer: FreeLayer, volts: float, widths: Floats, settle_seconds: float = 2e-9) -> Floats:
    """P(AP) after pulses of ``widths`` (W,) seconds on a junction in the law of its P well: without sampling, (W,)."""
    sphere = Sphere.for_barrier(float(layer.stability()[0]))
    tau, s = float(layer.neel_seconds[0]), Scales.of(layer)
    before = fp.well(sphere, float(s.stability[0]), (float(s.transverse[0]), 0.0, float(s.tilt[0])))
    pulse, rest = generator(sphere, layer, volts), generator(sphere, layer, 0.0)
    return fp.switched(sphere, before, pulse, widths / tau, rest, settle_seconds / tau)


def live(one: Junctions, z: Floats, volts: Floats) -> Floats:
    """Siemens of one junction along trajectories, as `energy_joules` asks for them."""
    return one.conductance(z, np.broadcast_to(volts, z.shape))


def off(axes: Axes, x: Floats, found: Floats, truth: Floats, error: Floats, **style: Any) -> None:
    """How many standard errors the points lie from the truth, with chi squared."""
    z = (found - truth) / error
    axes.axhspan(-1, 1, color=QUIET, alpha=0.22, lw=0)
    axes.axhline(0, color=QUIET, lw=0.8)
    axes.plot(x, z, "o", color=INK, ms=3.2, **style)
    axes.set_ylim(-max(4.0, float(np.abs(z).max()) + 0.5), max(4.0, float(np.abs(z).max()) + 0.5))
    axes.set_ylabel("engine − exact (σ)")
    axes.set_title(f"χ² = {np.sum(z**2):.1f} of {z.size}, p = {stats.chi2.sf(np.sum(z**2), z.size):.2f}")


def thermal_field(figure: Figure, trials: int) -> None:
    """Variance of the field that one step of the engine shows, from the turn of spins that begin along z."""
    left, right = figure.subplots(1, 2)
    layer = free(0.0, 0.05)
    start = np.zeros((1, trials, 3))
    start[..., 2] = 1
    steps = np.array([0.25, 0.5, 1.0, 2.0, 4.0]) * 1e-12
    fine = np.geomspace(0.2e-12, 5e-12, 50)
    left.plot(1e12 * fine, [1e6 * float(layer.thermal_tesla(t)[0]) ** 2 for t in fine], color=ACCENT, label="Brown")
    right.axhline(0, color=ACCENT)
    paths: tuple[tuple[Route, Any, float], ...] = (("fast", DOTS, 0.96), ("reference", HOLLOW, 1.04))
    for path, style, shift in paths:
        ratios = []
        for seed, step in enumerate(steps.tolist()):
            drive = constant(0.0, step)
            end = run(layer, drive, trials=trials, seed=10 + seed, step_seconds=step, start=start, path=path, **AT_ONCE)
            m = end.magnetisation[0].astype(float)
            turned = np.arctan2(np.hypot(m[:, 0], m[:, 1]), m[:, 2]) ** 2  # the sum of two components squared
            per_tesla = GAMMA * step / math.sqrt(1 + 0.05**2)
            ratios.append(np.mean(turned) / 2 / per_tesla**2 / float(layer.thermal_tesla(step)[0]) ** 2)
        found, error = np.array(ratios), 1 / np.sqrt(trials)
        true = np.array([float(layer.thermal_tesla(t)[0]) ** 2 for t in steps])
        left.errorbar(1e12 * steps * shift, 1e6 * true * found, color=INK, label=f"engine, {path}", **style)
        right.errorbar(1e12 * steps * shift, 100 * (found - 1), 100 * error, color=INK, **style)
    left.set(xscale="log", yscale="log", xlabel="time step (ps)", ylabel="σ² per component (mT²)")
    right.set(xscale="log", xlabel="time step (ps)", ylabel="deviation of σ² (%)")
    left.legend()
    for axes in (left, right):
        ticks(axes, 1e12 * steps)


def ticks(axes: Axes, places: Floats) -> None:
    """Plain numbers on a logarithmic axis."""
    axes.set_xticks(places, [f"{place:g}" for place in places])
    axes.minorticks_off()


def cumulative(delta: float) -> tuple[Floats, Floats]:
    """Heights and the cumulative law ~ exp(delta z^2) there."""
    z = np.linspace(-1, 1, 20_001)
    density = np.exp(delta * (z**2 - 1))
    total = np.concatenate([[0.0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return z, total / total[-1]


def boltzmann(figure: Figure, trials: int) -> None:
    """All spins begin in the P well; eight relaxation times later m_z has its law."""
    for seed, axes in enumerate(figure.subplots(1, 3, sharey=True)):
        delta = 2.0 * seed
        layer = free(delta)
        seconds = 8 * float(layer.neel_seconds[0]) / fp.slowest_axial(delta)
        drive = constant(0.0, min(seconds, 1e-9 * trials))
        end = run(layer, drive, trials=trials, seed=20 + seed, step_seconds=2e-12, **AT_ONCE)
        m = end.magnetisation[0, :, 2].astype(float)
        z, law = cumulative(delta)
        p = stats.kstest(m, partial(np.interp, xp=z, fp=law)).pvalue
        counts, edges = np.histogram(m, bins=40, range=(-1, 1))
        scale = 1 / (m.size * (edges[1] - edges[0]))
        axes.errorbar((edges[1:] + edges[:-1]) / 2, counts * scale, np.sqrt(counts) * scale, color=QUIET, **DOTS)
        axes.plot(
            z[::100],
            np.exp(delta * (z[::100] ** 2 - 1)) / np.trapezoid(np.exp(delta * (z**2 - 1)), z),
            c=ACCENT,
            zorder=3,
        )
        axes.set_title(f"Δ = {delta:g}, KS p = {p:.2f}")
        axes.set_xlabel("$m_z$")
    figure.axes[0].set_ylabel("density")


def mean_decay(layer: FreeLayer, times: Floats) -> Floats:
    """<m_z>(t) of spins that begin in the P well, without sampling: times (T,) in units of tau_N."""
    delta = float(layer.stability()[0])
    sphere = Sphere.for_barrier(delta)
    axial = np.arange(sphere.degree + 1) ** 2 + np.arange(sphere.degree + 1)  # m = 0: nothing else is fed
    whole = fp.brown(sphere, delta, (0.0, 0.0, 0.0), float(layer.of("damping")[0])).toarray()[np.ix_(axial, axial)]
    start = fp.well(sphere, delta, (0.0, 0.0, 0.0))[axial]
    return np.array([math.sqrt(4 * np.pi / 3) * float((expm(whole * t) @ start)[1]) for t in times])


def neel_brown(figure: Figure, trials: int) -> None:
    """Decay of <m_z> and the time constant between 0.5 and 1.5 of itself."""
    left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
    right.axhline(0, color=ACCENT)
    barriers = ((3.0, SECOND), (5.0, ACCENT), (8.0, INK))
    for delta, colour in barriers[: 1 if trials < FEW else None]:
        layer = free(delta)
        tau = 1 / fp.slowest_axial(delta)
        step, unit = 4e-12, float(layer.neel_seconds[0])
        every = max(1, round(tau * unit / step / 8))
        drive = constant(0.0, 12 * every * step)
        end = run(layer, drive, trials=trials, seed=3, step_seconds=step, record_every=every, **AT_ONCE)
        assert end.trajectories is not None  # noqa: S101 - it was asked for
        z = end.trajectories[0, ..., 2].astype(float)
        mean, error = z.mean(axis=0), z.std(axis=0) / math.sqrt(trials)
        left.errorbar(1e9 * end.seconds, mean, error, color=colour, **DOTS)
        fine = np.geomspace(0.02, 1.6, 60) * tau
        left.plot(1e9 * fine * unit, mean_decay(layer, fine), color=colour, label=f"Δ = {delta:g}")
        ratio = mean[11] / mean[3]
        spread = np.std(z[:, 11] - ratio * z[:, 3]) / mean[3] / math.sqrt(trials)
        found = -8 * every * step / math.log(max(ratio, 1e-3)) / (tau * unit)
        right.errorbar(
            delta, 100 * (found - 1), 100 * spread / ratio / abs(math.log(max(ratio, 1e-3))), c=colour, **DOTS
        )
    left.set(xscale="log", xlabel="time (ns)", ylabel=r"$\langle m_z\rangle$", ylim=(0, 1))
    left.legend()
    right.set(xlabel="Δ", ylabel="τ: engine over exact − 1 (%)", xlim=(2, 9))


def precession(figure: Figure, trials: int) -> None:
    """Zero crossings of m_z at the critical volts and 0 K, hardly damped."""
    left, right = figure.subplots(1, 2)
    fields = np.array([10, 20, 30, 50, 75, 100]) * 1e-3
    found = []
    for field in fields:
        layer = replace(precessional(), temperature_kelvin=0.0, damping=1e-4, bx_tesla=field)
        drive, start = (
            constant(float(layer.critical_volts[0]), 4.3 * 2 * np.pi / (GAMMA * field)),
            np.zeros((1, trials, 3)),
        )
        start[..., 2] = 1
        end = run(layer, drive, trials=trials, seed=4, start=start, record_every=1, path="reference", **AT_ONCE)
        assert end.trajectories is not None  # noqa: S101 - it was asked for
        z = end.trajectories[0, 0, :, 2]
        falls = np.flatnonzero((z[:-1] > 0) & (z[1:] <= 0))
        crossings = end.seconds[falls] + 1e-12 * z[falls] / (z[falls] - z[falls + 1])
        found.append(np.diff(crossings).mean())
    fine = np.linspace(2e-3, 105e-3, 50)
    left.plot(1e3 * fine, GAMMA * fine / 2 / np.pi / 1e9, color=ACCENT, label=r"$\gamma B_x/2\pi$")
    left.plot(1e3 * fields, 1e-9 / np.array(found), "o", color=INK, ms=3.6, label="engine")
    right.plot(
        1e3 * fine, -1e6 * (GAMMA * fine * 1e-12) ** 2 / 6, color=ACCENT, label=r"Heun, $-(\omega\,dt)^2/6$, 1 ps"
    )
    right.plot(1e3 * fields, 1e6 * (np.array(found) * GAMMA * fields / 2 / np.pi - 1), "o", color=INK, ms=3.6)
    left.set(xlabel="$B_x$ (mT)", ylabel="frequency (GHz)", xlim=(0, 106), ylim=(0, None))
    right.set(xlabel="$B_x$ (mT)", ylabel="deviation of the period (ppm)", xlim=(0, 106))
    left.legend()
    right.legend()


def ring_down(figure: Figure, trials: int) -> None:
    """A spin let go 0.01 rad beside its well: what it does, and frequency and decay against the linear theory."""
    left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
    right.axhline(0, color=ACCENT)
    dampings, deviations = (0.01, 0.02, 0.05, 0.1, 0.2), []
    for damping in dampings:
        layer = replace(precessional(), temperature_kelvin=0.0, damping=damping, bx_tesla=0.0)
        start = np.zeros((1, trials, 3))
        start[..., 0], start[..., 2] = 0.01, math.sqrt(1 - 1e-4)
        end = run(
            layer,
            constant(0.0, 0.5e-9),
            trials=trials,
            seed=5,
            start=start,
            record_every=1,
            path="reference",
            **AT_ONCE,
        )
        assert end.trajectories is not None  # noqa: S101 - it was asked for
        m, t = end.trajectories[0, 0], end.seconds
        omega = GAMMA * float(layer.anisotropy_field()[0]) / (1 + damping**2)
        turned = np.log(m[:, 0] + 1j * m[:, 1])
        slopes = np.polyfit(t, np.unwrap(turned.imag), 1)[0], np.polyfit(t, turned.real, 1)[0]
        deviations.append((slopes[0] / omega - 1, slopes[1] / (-damping * omega) - 1))
        if damping == 0.05:
            left.plot(
                1e9 * t, 10 * np.exp(-damping * omega * t) * np.cos(omega * t), color=ACCENT, label="linear theory"
            )
            left.plot(1e9 * t[::8], 1e3 * m[::8, 0], "o", color=INK, ms=2.6, label="engine")
    for values, style, name in zip(np.array(deviations).T, ("o", "s"), ("frequency", "decay rate"), strict=True):
        right.plot(dampings, 100 * values, style, color=INK, mfc=INK if style == "o" else "white", ms=3.8, label=name)
    left.set(xlabel="time (ns)", ylabel="$m_x$ (10⁻³)")
    right.set(xscale="log", xlabel="damping α", ylabel="deviation (%)")
    ticks(right, np.array(dampings))
    left.legend()
    right.legend()


def width(figure: Figure, trials: int) -> None:
    """P against the width at the critical volts: the engine's points on the curve that needs no sampling."""
    left, right = figure.subplots(1, 2, width_ratios=(1.9, 1))
    layer = precessional()
    volts = float(layer.critical_volts[0])
    fine = np.linspace(0, 6e-9, 601)
    left.plot(1e9 * fine, exact(layer, volts, fine), color=ACCENT, label="Fokker-Planck")
    widths = np.arange(0.2, 6.05, 0.2) * 1e-9
    found, error = np.array([
        np.ravel(switching_probability(layer, rectangular(volts, w), trials=trials, seed=6 + i, step_seconds=1e-12))
        for i, w in enumerate(widths.tolist())
    ]).T  # fmt: skip
    truth = exact(layer, volts, widths)
    left.errorbar(1e9 * widths, found, error, color=INK, label="engine", **DOTS)
    off(right, 1e9 * widths, found, truth, np.sqrt(np.maximum(truth * (1 - truth), 1 / trials) / trials))
    left.set(xlabel="pulse width (ns)", ylabel="P(AP)", ylim=(-0.03, 1.14))
    right.set_xlabel("pulse width (ns)")
    left.legend(ncols=2, loc="upper right")


def switching_map(figure: Figure, trials: int) -> None:
    """P over volts and width for the long-pulse junction; circles are engine points in the same colours."""
    left, right = figure.subplots(1, 2, width_ratios=(1.9, 1))
    layer = profile.load("vcma_long_pulse").nominal.layer
    few = trials < FEW
    volts, widths = np.linspace(0.8 if few else 0.6, 1.1, 3 if few else 41), np.linspace(0.05, 20, 400) * 1e-9
    chance = np.array([exact(layer, v, widths) for v in volts.tolist()])
    image = left.pcolormesh(1e9 * widths, volts, chance, cmap="RdBu_r", vmin=0, vmax=1, shading="gouraud")
    figure.colorbar(image, ax=left, label="P(AP)", pad=0.02)
    points = [(v, w) for v in (0.65, 0.75, 0.85, 0.95, 1.05) for w in (2e-9, 5e-9, 10e-9, 15e-9)]
    points = points[-2:] if few else points
    found = np.array([
        float(switching_probability(layer, rectangular(v, w), trials=trials, seed=40 + i, step_seconds=1e-12)[0][0])
        for i, (v, w) in enumerate(points)
    ])  # fmt: skip
    truth = np.array([float(exact(layer, v, np.array([w]))[0]) for v, w in points])
    place = np.array(points)
    left.scatter(1e9 * place[:, 1], place[:, 0], c=found, cmap="RdBu_r", vmin=0, vmax=1, s=34, ec=INK, lw=0.8)
    left.axhline(float(layer.critical_volts[0]), color=INK, lw=0.8, ls="--")
    off(right, place[:, 0], found, truth, np.sqrt(np.maximum(truth * (1 - truth), 1 / trials) / trials))
    left.set(xlabel="pulse width (ns)", ylabel="pulse amplitude (V)", xticks=[0, 5, 10, 15, 20])
    right.set_xlabel("pulse amplitude (V)")


def step(figure: Figure, trials: int) -> None:
    """P on a steep flank against the step; and the error of a cold trajectory, second order."""
    left, right = figure.subplots(1, 2)
    layer = precessional()
    volts = float(layer.critical_volts[0])
    steps = np.array([0.25, 0.5, 1.0, 2.0, 4.0]) * 1e-12
    truth = float(exact(layer, volts, np.array([0.9e-9]))[0])
    found, error = np.array([
        np.ravel(switching_probability(
            layer, rectangular(volts, 0.9e-9), trials=trials, seed=70, step_seconds=t, thermalise_seconds=0.0
        ))
        for t in steps.tolist()
    ]).T  # fmt: skip
    left.axhline(truth, color=ACCENT, label="Fokker-Planck")
    left.errorbar(1e12 * steps, found, error, color=INK, label="engine", **DOTS)
    left.set(xscale="log", xlabel="time step (ps)", ylabel="P(0.9 ns)", ylim=(truth - 0.01, truth + 0.01))
    left.legend()
    cold = replace(layer, temperature_kelvin=0.0)
    start = np.array([[[0.6, 0.0, 0.8]]])
    ends = {
        t: run(
            cold, constant(0.5, 0.2e-9), trials=1, seed=1, start=start, step_seconds=t, path="reference", **AT_ONCE
        ).magnetisation[0, 0]
        for t in (0.02e-12, *steps.tolist())
    }
    errors = np.array([np.linalg.norm(ends[t] - ends[0.02e-12]) for t in steps.tolist()])
    right.plot(1e12 * steps, errors[2] * (steps / steps[2]) ** 2, color=ACCENT, label="second order")
    right.plot(1e12 * steps, errors, "o", color=INK, ms=3.6, label="engine, 0 K")
    right.set(xscale="log", yscale="log", xlabel="time step (ps)", ylabel="error of m after 0.2 ns")
    right.legend()
    for axes in (left, right):
        ticks(axes, 1e12 * steps)


def escape(figure: Figure, trials: int) -> None:
    """Sum of the two escape rates, formula and table, against eigenvalues of the Fokker-Planck equation."""
    left, right = figure.subplots(1, 2, width_ratios=(1.4, 1))
    known = Escape.load()
    barriers, fine = np.linspace(1.0, 20.0, max(4, min(20, 20 * trials))), np.linspace(1.0, 20.0, 200)
    right.axhline(0, color=QUIET, lw=0.8)
    for damping, across, colour, style in ((0.05, 9.8, ACCENT, "o"), (0.02, 1.0, SECOND, "s")):
        label = f"α = {damping:g}, $ξ_x$ = {across:g}"
        left.plot(
            fine, sum(known.rates(stability_at(fine, across), across, 0.0, damping, 1.0)), color=colour, label=label
        )
        deltas = stability_at(barriers, across)
        truth = np.array([
            fp.slowest(fp.brown(Sphere.of(round(16 + 9 * d**0.5)), d, (across, 0.0, 0.0), damping))
            for d in deltas.tolist()
        ])  # fmt: skip
        left.plot(barriers, truth, style, color=colour, mfc="white", ms=3.6)
        found = np.sum(known.rates(deltas, across, 0.0, damping, 1.0), axis=0)
        right.plot(barriers, 100 * (found / truth - 1), style, color=colour, mfc="white", ms=3.6)
    left.plot([], [], "o", color=INK, mfc="white", ms=3.6, label="exact eigenvalue")
    left.set(
        yscale="log", xlabel="barrier (kT)", ylabel=r"sum of the rates $\times\ \tau_N$", xticks=[0, 5, 10, 15, 20]
    )
    right.set(xlabel="barrier (kT)", ylabel="rates over exact − 1 (%)", xticks=[0, 5, 10, 15, 20])
    left.legend()


def energy(figure: Figure, trials: int) -> None:
    """Joule heat of a pulse with the live resistance, between the lines of the two states and above Landauer's."""
    for axes, name, volts in zip(
        figure.subplots(1, 2, sharey=True), ("vcma_precessional", "vcma_long_pulse"), (1.494, 0.9), strict=True
    ):
        one = profile.load(name).nominal
        widths = np.array([0.3, 0.6, 1, 2, 5, 10, 20]) * 1e-9
        fine = np.geomspace(0.2e-9, 30e-9, 20)
        conducted = [
            [float(pulse_energy_joules(one, rectangular(volts, w), np.array([s])).conducted_joules[0]) for w in fine]
            for s in (0, 1)
        ]
        axes.plot(1e9 * fine, conducted[0], color=ACCENT, label=r"$V^2t/R$, P (upper) and AP")
        axes.plot(1e9 * fine, conducted[1], color=ACCENT, lw=0.8)
        found = np.array([
            np.ravel(energy_joules(
                one.layer, rectangular(volts, w), partial(live, one),
                trials=trials, seed=80, record_every=10,
            ))
            for w in widths.tolist()
        ])  # fmt: skip
        axes.errorbar(
            1e9 * widths,
            found.mean(axis=1),
            found.std(axis=1) / math.sqrt(trials),
            color=INK,
            label="engine, live $R(m_z, V)$",
            **DOTS,
        )
        charge = float(pulse_energy_joules(one, rectangular(volts, 1e-9), np.zeros(1, np.uint8)).charging_joules[0])
        for joules, colour, words in (
            (charge, SECOND, r"charging the barrier, $CV^2/2$"),
            (landauer_joules(300.0), QUIET, r"Landauer, $kT\,\ln 2$ at 300 K"),
        ):
            axes.axhline(joules, color=colour)
            axes.text(0.22, joules * 1.35, words, color=INK, fontsize=8)
        axes.set(
            xscale="log", yscale="log", xlabel="pulse width (ns)", title=f"{name}, {volts:g} V", ylim=(1e-21, 1e-11)
        )
        ticks(axes, np.array([0.3, 1, 3, 10, 30]))
    figure.axes[0].set_ylabel("energy of a pulse (J)")
    figure.axes[0].legend(loc="upper left")


def golden_errors() -> dict[str, float]:
    """Largest error of a line end's current over the vector's largest current, of every case solved by ngspice."""
    result = {}
    for path in sorted(GOLDEN.glob("*.npz")):
        case = cases.read(path)
        network, volts = case.network(), sides.volts(case.volts, *case.siemens.shape)
        amps = (nonlinear.solve(network, case.law, **volts).solution if case.law else network.solve(**volts)).amps
        with np.load(path) as data:
            true = np.concatenate([data[f"I_{x}"] for x in "LRTB"], axis=1)
        result[path.stem] = float((np.abs(amps - true).max(axis=1) / np.abs(true).max(axis=1)).max())
    return result


def worst_loss(size: int, segment_ohms: float, cell_ohms: float = 1e4) -> float:
    """The part of the volts that the farthest cell of a square array lacks when all its lines are driven."""
    wires = {"word_segment_ohms": segment_ohms, "bit_segment_ohms": segment_ohms}
    network = Network(np.full((size, size), 1 / cell_ohms), **wires, left_ohms=0.0, bottom_ohms=0.0)
    return 1 - float(network.solve(left=1.0).cell_volts.min())


def sneak(size: int, scheme: str) -> float:
    """The current of one selected cell, over what it alone would carry, in an array of equal cells without wires."""
    cells = np.full((size, size), 1e-4)
    first = np.arange(size) == 0
    if scheme == "floating":
        ends = np.where(first, 0.0, np.inf)
        return float(Network(cells, left_ohms=ends, bottom_ohms=ends).solve(left=1.0).left[0, 0]) / 1e-4
    low, high = {"half": (1 / 2, 1 / 2), "third": (1 / 3, 2 / 3)}[scheme]
    network = Network(cells, left_ohms=0.0, bottom_ohms=0.0)
    found = network.solve(left=np.where(first, 1.0, low), bottom=np.where(first, 0.0, high))
    return -float(found.bottom[0, 0]) / 1e-4


def network(figure: Figure, trials: int) -> None:
    """Against ngspice; the drop along wires against its first order; sneak paths against closed forms."""
    bars, drop, paths = figure.subplots(1, 3, width_ratios=(1.25, 1, 1))
    errors = golden_errors()
    bars.barh(list(errors), list(errors.values()), color=ACCENT, height=0.6)
    bars.axvline(1e-9, color=SECOND, lw=1)
    bars.text(0.8e-9, 9.45, "pass", color=SECOND, ha="right", va="center")
    bars.set(xscale="log", xlim=(1e-15, 5e-9), xlabel="largest error / largest current")
    bars.invert_yaxis()
    bars.tick_params(axis="y", length=0)
    bars.set_title("against ngspice")
    for ohms, style in ((0.1, "o"), (1.0, "s")):
        sizes = [4, 8, 16, 32] if ohms == 1 else [8, 16, 32, 64]
        x = np.array([n * (n + 1) * ohms / 1e4 for n in sizes])
        loss = [worst_loss(n, ohms) for n in sizes]
        drop.plot(x, loss, style, color=INK, mfc="white", ms=4, label=f"r = {ohms:g} Ω")
    fine = np.geomspace(4e-4, 1, 40)
    drop.plot(fine, fine, color=ACCENT, label="N(N+1) r/R")
    drop.set(xscale="log", yscale="log", xlabel="N(N+1) r/R", ylabel="volts lost, farthest cell / V")
    drop.legend()
    drop.set_title("wires")
    fine = np.linspace(2, 64, 100)
    for scheme, law, style, colour in (
        ("floating", fine**2 / (2 * fine - 1), "o", ACCENT),
        ("third", 1 + (fine - 1) / 3, "s", SECOND),
    ):
        label = {"floating": "floating: N²/(2N−1)", "third": "V/3: 1 + (N−1)/3"}[scheme]
        paths.plot(fine, law, color=colour, label=label)
        paths.plot(
            [4, 8, 16, 32, 64], [sneak(n, scheme) for n in (4, 8, 16, 32, 64)], style, color=INK, mfc="white", ms=4
        )
    paths.set(xlabel="lines N", ylabel="apparent / true conductance", ylim=(0, 42))
    paths.legend(loc="upper left")
    paths.set_title("sneak paths")


def toggling(figure: Figure, trials: int) -> None:
    """Correlation of the states after pulses without resets between, against that of a chain of two states."""
    left, right = figure.subplots(1, 2, width_ratios=(1.6, 1))
    layer = precessional()
    volts = float(layer.critical_volts[0])
    widths = np.array([0.5, 0.7, 0.8, 0.84, 0.88, 0.92, 0.97, 1.05, 1.19]) * 1e-9
    chance = exact(layer, volts, widths)
    count, found = trials * (PULSES - 1), []
    for i, w in enumerate(widths.tolist()):
        spins: Any = "thermal"
        states = []
        for pulse in range(PULSES):
            end = run(
                layer, rectangular(volts, w), trials=trials, seed=100 + 10 * i + pulse, start=spins,
                step_seconds=2e-12, thermalise_seconds=0.5e-9, relax_seconds=2e-9,
            )  # fmt: skip
            spins = end.magnetisation
            states.append(1.0 - 2.0 * end.states[0])
        s = np.array(states)
        found.append((np.mean(s[1:] * s[:-1]), np.mean(s[2:] * s[:-2])))
    one, two = np.array(found).T
    p = np.linspace(0, 1, 100)
    left.plot(p, 1 - 2 * p, color=ACCENT, label="lag 1: 1 − 2p")
    left.plot(p, (1 - 2 * p) ** 2, color=SECOND, label="lag 2: (1 − 2p)²")
    rho = 1 - 2 * chance
    error = np.sqrt(np.maximum(1 - rho**2, 4 / count) / count)
    left.errorbar(chance, one, error, color=INK, label="engine, lag 1", **DOTS)
    left.errorbar(chance, two, error, color=INK, label="engine, lag 2", **HOLLOW)
    left.set(xlabel="P(switch) of one pulse, Fokker-Planck", ylabel="correlation of states", ylim=(-1.08, 1.08))
    left.legend(loc="lower left")
    off(right, 1e9 * widths, one, rho, error)
    right.set_xlabel("pulse width (ns)")


PICTURES: dict[str, tuple[Callable[[Figure, int], None], float, float]] = {  # name: what draws it, inches
    "thermal-field": (thermal_field, 6.8, 2.7),
    "boltzmann": (boltzmann, 6.8, 2.5),
    "neel-brown": (neel_brown, 6.8, 2.7),
    "precession": (precession, 6.8, 2.6),
    "ring-down": (ring_down, 6.8, 2.6),
    "width": (width, 7.2, 2.9),
    "map": (switching_map, 7.2, 3.0),
    "step": (step, 6.8, 2.6),
    "escape": (escape, 6.8, 2.8),
    "energy": (energy, 7.2, 3.2),
    "network": (network, 8.2, 3.0),
    "toggling": (toggling, 6.8, 2.8),
}


def picture(name: str, trials: int | None = None) -> bytes:
    """A PNG of one of `PICTURES`; ``trials`` of every point, None = as on the page."""
    draw, width_inches, height_inches = PICTURES[name]
    with rc_context(STYLE):
        figure = Figure(figsize=(width_inches, height_inches), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure, TRIALS[name] if trials is None else trials)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    small = io.BytesIO()
    with Image.open(buffer) as image:  # again with a palette: a third of the size
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


PURPOSES = {
    "vcma_long_pulse": "fair coins without trimming: 20 ns pulses beyond V_c",
    "vcma_precessional": "fast, cheap bits by a quarter or half turn; P depends on everything",
    "stt_smart": "ballistic spin-transfer switching; volts set P, reset before each bit",
    "superparamagnetic": "flips by itself, is only read",
    "seed_paper_unverified": "blanks to be filled in; `vcma_long_pulse` stands in",
}


def summary() -> str:
    """The profiles in one table of Markdown: stability, critical volts, purpose, and how sure their numbers are."""
    lines = ["| name | Δ at rest | V_c | what it is for | literature / measured / assumed |", "|---|---|---|---|---|"]
    for name, purpose in PURPOSES.items():
        kind = profile.load(name)
        critical = f"{kind.critical_volts:.3f} V" if math.isfinite(kind.critical_volts) else "none"
        statuses = [quantity.status for quantity in kind.quantities.values()]
        counts = " / ".join(str(statuses.count(status)) for status in LETTER)
        lines.append(f"| `{name}` | {kind.stability:.1f} | {critical} | {purpose} | {counts} |")
    return "\n".join(lines)


def profiles_table() -> str:
    """Every number of the profiles that have their own, with the letter of its status, as Markdown."""
    kinds = [profile.load(name) for name in PROFILES]
    lines = [
        "| number | unit | " + " | ".join(f"`{name}`" for name in PROFILES) + " |",
        "|---|---|" + "---|" * len(kinds),
    ]
    for name, kind in ALL.items():
        cells = []
        for each in kinds:
            quantity = each.quantities[name]
            value = "from the shape" if math.isnan(quantity.value) else f"{quantity.value:.6g}"
            spread = f" ± {100 * quantity.spread:.3g} %" if quantity.value else f" ± {quantity.spread:.2g}"
            cells.append(f"{value}{spread if quantity.spread else ''} {LETTER[quantity.status]}")
        lines.append(f"| `{name}` | {kind.unit} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description="Draw the pictures of docs/physics.md again.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}; none = all")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "physics")
    options = parser.parse_args()
    if unknown := set(options.names) - set(PICTURES):
        parser.error(f"there is no picture {', '.join(sorted(unknown))}; known are: {', '.join(PICTURES)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or PICTURES:
        began = time.process_time()
        data = picture(name)
        (options.out / f"{name}.png").write_bytes(data)
        print(f"{name:14} {len(data) / 1e3:5.1f} kB  {time.process_time() - began:6.1f} s CPU")


if __name__ == "__main__":
    main()
