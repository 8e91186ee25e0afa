"""``labctl crossbar``: solve an array as a circuit, from a file to a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from labctl.core.clock import WallClock
from labctl.core.errors import ParameterError

ASSUMED_GIGABYTES = 4.0
"""Where the system does not say how much memory is free."""
ENDS = ("left end of word line", "right end of word line", "top end of bit line", "bottom end of bit line")


def crossbar(
    action: Annotated[Literal["solve"], typer.Argument(help="What to do.")],
    case: Annotated[
        Path, typer.Argument(help="An npz: G, r_wl, r_bl, term_X_v, term_X_r for X in L, R, T, B.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(help="File to write: I_L, I_R, I_T, I_B, v_wl, v_bl; replaced if there.", show_default=False)
    ],
    memory_gb: Annotated[
        float | None, typer.Option(help="Refuse what would take more. Default: nine tenths of what is free.")
    ] = None,
) -> None:
    """Solve every current and voltage of a resistive array exactly: wires, sneak paths and whatever is at the ends.

    G is in siemens (m, n); r_wl and r_bl are the ohms of one wire segment; term_X_v (P, k) are volts, term_X_r (k,)
    ohms, inf for a floating end. With gp, tmr0, vh and state the TMR of the cells falls with bias. Currents are
    amperes into the array (P, k); v_wl and v_bl are the nodes' volts (m, n) of vector 0, NaN on lines that nothing
    joins to a source. A side without keys floats; one number stands for all ends of its side.
    """
    from labctl.crossbar import case as cases
    from labctl.crossbar import nonlinear, sides, solved

    if memory_gb is not None and not memory_gb > 0:
        raise ParameterError(f"--memory-gb is {memory_gb}; it must be above 0, such as 4")
    solved.refuse_unwritable(out)
    limit = 1e9 * memory_gb if memory_gb is not None else 0.9 * _free_bytes()
    asked = cases.read(case, limit)
    if out.exists() and out.samefile(case):
        raise ParameterError(f"{out} is the case itself; name another file for the solution")
    clock = WallClock()
    began = clock.now()
    network = asked.network()
    if asked.law is None:
        amps = network.currents(**sides.volts(asked.volts, network.rows, network.cols))
        first = network.solve(**sides.volts(asked.volts[:1], network.rows, network.cols))
        how = "linear"
    else:
        found = nonlinear.solve(network, asked.law, **sides.volts(asked.volts, network.rows, network.cols))
        first, amps = found.solution, found.solution.amps
        how = f"nonlinear, {found.rounds} rounds"
        if found.newton.any():
            how += f", {int(found.newton.sum())} of {found.newton.size} vectors by Newton's method"
    seconds = clock.now() - began
    cuts = np.cumsum([network.rows, network.rows, network.cols])
    lost_words, lost_bits = np.split(network.unreached > 0, [network.rows])
    word_volts = np.where(lost_words[:, None], np.nan, first.word_volts[0])
    bit_volts = np.where(lost_bits, np.nan, first.bit_volts[0])
    solved.write(out, amps, word_volts, bit_volts)

    largest = np.unravel_index(np.abs(amps).argmax(), amps.shape)
    side = int(np.searchsorted(cuts, largest[1], side="right"))
    line = int(largest[1]) - (0, *cuts.tolist())[side]
    residual = np.abs(amps.sum(axis=1)).max()
    share = residual / np.abs(amps).max() if amps.any() else 0.0
    connected = int(np.isfinite(asked.end_ohms).sum())
    table = Table("", "", box=None, show_header=False)
    for name, value in (
        ("array", f"{network.rows} x {network.cols} cells, {how}"),
        ("wires", f"{network.word_segment_ohms:g} ohm per word segment, {network.bit_segment_ohms:g} per bit segment"),
        ("line ends", f"{connected} connected, {network.terminals - connected} floating"),
        ("joined to no source", ", ".join([*_lines("word", lost_words), *_lines("bit", lost_bits)])),
        ("vectors", f"{amps.shape[0]}"),
        ("largest current", f"{amps[largest]:.6g} A, {ENDS[side]} {line}, vector {largest[0]}"),
        ("KCL residual", f"{residual:.2g} A, {share:.1g} of the largest current"),
        ("time", f"{seconds:.3g} s"),
        ("ignored", ", ".join(asked.ignored)),
        ("written", str(out)),
    ):
        if value:
            table.add_row(name, value)
    Console(highlight=False, markup=False, soft_wrap=True).print(table)


def _lines(kind: str, chosen: NDArray[np.bool_]) -> list[str]:
    return [f"{kind} line {line}" for line in np.flatnonzero(chosen)]


def _free_bytes() -> float:
    """What this process may still take, as far as the system says."""
    found = []
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                found.append(1024.0 * float(line.split()[1]))
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        if limit != "max":
            used = Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii")
            found.append(float(limit) - float(used))
    except (OSError, ValueError):
        pass
    return min(found, default=1e9 * ASSUMED_GIGABYTES)
