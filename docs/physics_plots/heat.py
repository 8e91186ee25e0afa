"""Heat: the thermal field, equilibrium, and decay over a barrier."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy import stats
from scipy.linalg import expm

from labctl_sim.macrospin import fokker_planck as fp
from labctl_sim.macrospin.drive import constant
from labctl_sim.macrospin.escape import Escape, stability_at
from labctl_sim.macrospin.layer import GAMMA, FreeLayer
from labctl_sim.macrospin.sphere import Sphere
from labctl_sim.macrospin.trials import Path as Route
from labctl_sim.macrospin.trials import run

from .look import ACCENT, DOTS, FEW, HOLLOW, INK, QUIET, SECOND, Floats, ticks
from .truth import AT_ONCE, free


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
