"""Figures of results, for reports and the command line; `png` makes a file of one."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from labctl.core.bits import Bits
from labctl.procedures import fits

INK, ACCENT, SECOND, QUIET = "#1b2733", "#0b6e99", "#c2571a", "#8a97a3"


def draw(records: pd.DataFrame, title: str, origin: str = "") -> bytes | None:
    """The `figure` of these records as PNG; None if they ask for none."""
    canvas = figure(records, title, origin)
    return None if canvas is None else png(canvas)


def figure(records: pd.DataFrame, title: str, origin: str = "") -> Figure | None:
    """The figure that the records of a run ask for; None if they ask for none.

    Points of a probability against volts, width or wait, with their fits; currents against volts; a map of junctions;
    blocks against pulses. ``records`` has a column ``kind`` and the columns that procedures name. ``origin`` is written
    small below it: it should say with what the records were measured, and whether that was simulated.
    """
    by = {str(kind): group.dropna(axis="columns", how="all") for kind, group in records.groupby("kind", sort=False)}
    canvas = _canvas(by, title)
    if canvas is None:
        return None
    if origin:
        wrapped = textwrap.fill(origin, 130)
        canvas.supxlabel(wrapped, x=0.01, ha="left", fontsize=6, color=QUIET)
    return canvas


def _canvas(by: Mapping[str, pd.DataFrame], title: str) -> Figure | None:
    points, found = by.get("point", pd.DataFrame()), by.get("fit", pd.DataFrame())
    if "p_switch" in points:
        return probability(points, found, title)
    if {"volts", "amps"} <= set(points):
        return current(points, found, title)
    if "cell" in by:
        volts = by["cell"]["volts"].astype(float).abs()
        nearest = by["cell"][volts <= 1.05 * volts.min()].astype({"ohms": float})
        return conductance_map(nearest.assign(siemens=1 / nearest["ohms"]), title)
    if "junction" in by:
        return conductance_map(by["junction"], title)
    if "block" in by:
        return (wear if "parallel_ohms" in by["block"] else junction_bias)(by["block"], title)
    return None


AXES = {
    "wait_seconds": ("wait", "s", "probability of having turned"),
    "width_seconds": ("pulse width", "s", "switching probability"),
    "volts": ("pulse amplitude at the junction", "V", "switching probability"),
}


def abscissa(points: pd.DataFrame) -> str:
    """The column that was swept: the one of these that takes the most values; volts if none does."""
    known = [name for name in ("wait_seconds", "volts", "width_seconds") if name in points]
    return max(known, key=lambda name: points[name].nunique())


def probability(points: pd.DataFrame, found: pd.DataFrame, title: str) -> Figure:
    """Measured probabilities with their 68 % intervals, and every fit that is a law of the swept quantity."""
    canvas, axes = blank(6.4, 4.4)
    swept = abscissa(points)
    states = sorted(points["antiparallel"].unique()) if "antiparallel" in points else [None]
    for state, colour in zip(states, (INK, SECOND), strict=False):
        mine = points if state is None else points[points["antiparallel"] == state]
        rate = mine["p_switch"].astype(float)
        name = "" if state is None else f"from {'AP' if state else 'P'}, "
        bars = [(rate - mine["p_low"]).clip(lower=0), (mine["p_high"] - rate).clip(lower=0)]
        label = f"{name}measured, {_trials(mine['trials'])} each, 68 % intervals"
        axes.errorbar(mine[swept], rate, yerr=bars, fmt="o", color=colour, ms=4, capsize=2, lw=1, label=label)
    low, high = float(points[swept].min()), float(points[swept].max())
    across, unit, up = AXES[swept]
    logarithmic = swept == "wait_seconds" and low > 0 and high / low > 30
    fine = np.geomspace(low, high, 400) if logarithmic else np.linspace(low, high, 400)
    for (_, fit), colour, style in zip(found.iterrows(), (ACCENT, SECOND), ("-", "--"), strict=False):
        model = fits.MODELS.get(str(fit["model"]))
        if model is None:
            continue
        along = -fine if high <= 0 else fine  # fits count volts in the direction of the stronger end
        label = f"{fit['model']}: " + ", ".join(measured(fit, name) for name in model.names)
        axes.plot(fine, model.law(along, *(float(fit[name]) for name in model.names)), style, color=colour, label=label)
    if swept == "volts" and "width_seconds" not in points:
        across = "voltage at the junction"
    if logarithmic:
        axes.set_xscale("log")
    if unit == "s":
        axes.xaxis.set_major_formatter(EngFormatter(unit="s"))
    axes.set_xlabel(across if unit == "s" else f"{across} ({unit})")
    axes.set_ylabel(up)
    top = float(points["p_high"].max())
    top = min(1.02, max(0.55, 1.05 * top)) if top > 0.1 else 1.5 * top  # rare events fill the picture
    axes.set_ylim(-0.04 * top, top)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")  # no power of ten in the legend's place
    _head(axes, title)
    return canvas


def current(points: pd.DataFrame, found: pd.DataFrame, title: str) -> Figure:
    """Current, and resistance, against volts; a colour for each sweep, and TMR if it was fitted."""
    canvas, axes = blank(6.4, 6.0, rows=2)
    sweeps = list(points.groupby("sweep")) if "sweep" in points else [(0, points)]
    for (number, sweep), colour in zip(sweeps, (ACCENT, SECOND), strict=False):
        name = f"sweep {number!s}" if len(sweeps) > 1 else "_one"  # matplotlib leaves these out of a legend
        axes[0].plot(sweep["volts"], 1e6 * sweep["amps"].astype(float), ".-", ms=3, lw=0.8, color=colour, label=name)
        far = sweep[sweep["volts"].abs() > 0.02 * sweep["volts"].abs().max()]
        axes[1].plot(far["volts"], 1e-3 * far["ohms"].astype(float), ".", ms=4, color=colour)
    axes[0].set_ylabel("current (µA)")
    axes[1].set_ylabel("resistance (kΩ)")
    axes[1].set_xlabel("voltage at the junction (V)")
    for _, fit in found.iterrows():
        if str(fit["model"]) == "tmr":
            zero, half = measured(fit, "tmr_zero", named=False), measured(fit, "half_volts", named=False)
            axes[1].set_title(f"TMR(0) = {zero}, half of it at {half}", fontsize=8, loc="left")
    _head(axes[0], title)
    return canvas


def wear(blocks: pd.DataFrame, title: str) -> Figure:
    """Resistance of both states and the share of AP, block by block."""
    canvas, axes = blank(6.4, 5.6, rows=2)
    for column, name, colour in (("parallel_ohms", "P", ACCENT), ("antiparallel_ohms", "AP", SECOND)):
        if column in blocks:
            axes[0].plot(blocks["pulses"], 1e-3 * blocks[column].astype(float), ".-", color=colour, label=name)
    axes[0].set_ylabel("resistance (kΩ)")
    if "p_antiparallel" in blocks:
        share = blocks["p_antiparallel"].astype(float)
        bars = [(share - blocks["p_low"]).clip(lower=0), (blocks["p_high"] - share).clip(lower=0)]
        axes[1].errorbar(blocks["pulses"], share, yerr=bars, fmt="o", color=INK, ms=3, lw=1, capsize=2)
    axes[1].set_ylabel("share of AP")
    axes[1].set_xlabel("pulses")
    _head(axes[0], title)
    return canvas


def _head(axes: Any, title: str) -> None:
    """The title, and below it, above the axes where no point is, what is drawn."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        place = {"loc": "lower left", "bbox_to_anchor": (-0.01, 1.0), "borderaxespad": 0.2}
        axes.legend(handles, labels, frameon=False, fontsize=7, **place)
    axes.figure.suptitle(title, fontsize=10, x=0.01, ha="left")


UNITS = {"per_volt": "V⁻¹", "volts": "V", "seconds": "s", "hertz": "Hz"}


def measured(fit: pd.Series[Any], name: str, *, named: bool = True) -> str:
    """``centre 0.6873 ± 0.0004 V``: a value to the second digit of its standard error."""
    value, error = float(fit[name]), float(fit[f"{name}_error"])
    ending = next((ending for ending in UNITS if name.endswith(ending)), "")
    unit = UNITS.get(ending, "")
    word = name.removesuffix(ending).rstrip("_").replace("_", " ").replace("tau", "τ") if named else ""
    scale = 1.0
    if unit in ("s", "Hz") and value:
        power = int(np.clip(np.floor(np.log10(abs(value)) / 3), -5, 4))
        scale, unit = 1000.0**power, "fpnµm kMGT"[power + 5].strip() + unit
    places = max(0, 1 - int(np.floor(np.log10(error / scale)))) if 0 < error < np.inf else 3
    return f"{word} {value / scale:.{places}f} ± {error / scale:.{places}f} {unit}".strip()


def _trials(trials: pd.Series[Any]) -> str:
    low, high = int(trials.min()), int(trials.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def switching_family(curves: Mapping[float, pd.DataFrame], title: str) -> Figure:
    """Measured switching probability against volts, one colour for each pulse width in seconds, with 68 % intervals.

    Lines join the points and are no model.
    """
    canvas, axes = blank(6.4, 4.0)
    axes.axhline(0.5, color=QUIET, lw=1, zorder=0)
    for place, (width, points) in enumerate(sorted(curves.items())):
        rate = points["p_switch"].astype(float)
        bars = [rate - points["p_low"], points["p_high"] - rate]
        colour = colormaps["viridis"](0.9 * place / max(len(curves) - 1, 1))
        style = {"fmt": "o-", "ms": 2.2, "lw": 0.8, "elinewidth": 0.8, "color": colour}
        axes.errorbar(points["volts"], rate, yerr=bars, label=f"{1e9 * width:g} ns", **style)
    axes.set_xlabel("pulse amplitude at the junction (V)")
    axes.set_ylabel("switching probability")
    axes.set_ylim(-0.02, 1.02)
    axes.legend(frameon=False, fontsize=8, loc="best", title="pulse width", title_fontsize=8)
    axes.set_title(title, fontsize=10, loc="left")
    return canvas


def bit_raster(bits: Bits, title: str, width: int = 256, height: int = 96) -> Figure:
    """The first ``width * height`` bits as a picture, a dark pixel for each 1."""
    values = bits.unpack()[: width * height]
    rows = values.size // width
    canvas, axes = blank(6.4, 2.9)
    axes.imshow(values[: rows * width].reshape(rows, width), cmap="binary", interpolation="nearest", aspect="auto")
    axes.set_xlabel("bit within line")
    axes.set_ylabel("line")
    axes.set_title(title, fontsize=10, loc="left")
    return canvas


def conductance_map(junctions: pd.DataFrame, title: str) -> Figure:
    """Conductance of every junction, in microsiemens, with the value written into each cell."""
    grid = 1e6 * junctions.pivot_table(index="row", columns="col", values="siemens").to_numpy(dtype=float)
    canvas, axes = blank(5.6, 4.4)
    image = axes.imshow(grid, cmap="viridis", interpolation="nearest")
    middle = (float(np.nanmin(grid)) + float(np.nanmax(grid))) / 2
    if grid.size <= 256:
        for row, col in np.ndindex(grid.shape):
            colour = "white" if grid[row, col] < middle else "black"
            axes.text(col, row, f"{grid[row, col]:.1f}", ha="center", va="center", color=colour, fontsize=7)
    axes.set_xlabel("bit line")
    axes.set_ylabel("word line")
    axes.set_xticks(range(grid.shape[1]))
    axes.set_yticks(range(grid.shape[0]))
    canvas.colorbar(image, ax=axes, label="conductance (µS)", fraction=0.046, pad=0.04)
    axes.set_title(title, fontsize=10, loc="left")
    return canvas


def junction_bias(blocks: pd.DataFrame, title: str) -> Figure:
    """Share of ones per junction with a two-sigma bar, beside 1/2."""
    totals = blocks.assign(n=blocks["n"].astype(float), ones=blocks["ones"].astype(float)).groupby(["row", "col"])
    sums = totals[["n", "ones"]].sum()
    share = sums["ones"] / sums["n"]
    canvas, axes = blank(6.4, 2.9)
    axes.axhline(0.5, color=QUIET, lw=1)
    axes.errorbar(range(len(share)), share, yerr=1.0 / np.sqrt(sums["n"]), fmt="o", color=ACCENT, capsize=2, ms=4)
    axes.set_xticks(range(len(share)))
    axes.set_xticklabels([f"({row}, {col})" for row, col in share.index], fontsize=7)
    axes.set_xlabel("junction (word line, bit line)")
    axes.set_ylabel("share of ones")
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.set_title(title, fontsize=10, loc="left")
    return canvas


def blank(width: float, height: float, rows: int = 1) -> tuple[Figure, Any]:
    """A figure of so many inches, and its axes: one, or an array of ``rows`` that share their abscissa."""
    figure = Figure(figsize=(width, height), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    found = figure.subplots(rows, sharex=True)
    for axes in np.atleast_1d(found):
        axes.tick_params(labelsize=8)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    return figure, found


def png(figure: Figure) -> bytes:
    """The figure as a file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
