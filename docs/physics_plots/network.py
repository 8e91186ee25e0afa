"""The array as a circuit: against ngspice, and against what is known in closed form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from labctl.crossbar import case as cases
from labctl.crossbar import nonlinear, sides
from labctl.crossbar.network import Network

from .look import ACCENT, INK, SECOND

GOLDEN = Path(__file__).parents[2] / "tests" / "data" / "crossbar"


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
    for scheme, law, style, line, colour in (
        ("floating", fine**2 / (2 * fine - 1), "o", "-", ACCENT),
        ("half", (fine + 1) / 2, "^", "--", INK),
        ("third", 1 + (fine - 1) / 3, "s", "-", SECOND),
    ):
        label = {"floating": "floating: N²/(2N−1)", "half": "V/2: (N+1)/2", "third": "V/3: 1 + (N−1)/3"}[scheme]
        paths.plot(fine, law, line, color=colour, lw=1, label=label)
        paths.plot(
            [4, 8, 16, 32, 64], [sneak(n, scheme) for n in (4, 8, 16, 32, 64)], style, color=INK, mfc="white", ms=4
        )
    paths.set(xlabel="lines N", ylabel="apparent / true conductance", ylim=(0, 42))
    paths.legend(loc="upper left")
    paths.set_title("sneak paths")
