"""``labctl crossbar``: solve an array as a circuit, from a file to a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
SUSPECT_SIEMENS = 1.0
"""Of a cell: 300 times what a shorted junction of the simulated bench has, and more than any bench can read."""
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

    The array has m word lines (rows) and n bit lines (columns), and is solved for P vectors of volts at once. L and R
    are the left and right ends of word lines, T and B the top and bottom ends of bit lines; k is how many ends a side
    has, m or n.

    **Read** are G (m, n), siemens; r_wl and r_bl, ohms of one wire segment; and for the ends X term_X_v (P, k), volts,
    and term_X_r (k,), ohms, 0 for an ideal source, inf for an end that floats. A side without keys floats; one number
    stands for all ends of its side. With gp, tmr0, vh and state the TMR of the cells falls with bias.

    **Written** are I_X (P, k), amperes into the array, so that a bit line read on ground has a negative I_B; and v_wl
    and v_bl (m, n), the nodes' volts of vector 0, NaN on lines that nothing joins to a source.

    An example is in docs/physics.md.
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
    for words in _doubts(case, asked.ignored, float(asked.siemens.max())):
        Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(words, style="yellow")
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
        ("written", str(out)),
    ):
        if value:
            table.add_row(name, value)
    Console(highlight=False, markup=False, soft_wrap=True).print(table)


def _doubts(path: Path, ignored: Sequence[str], largest_siemens: float) -> Iterator[str]:
    """What can be solved but is hardly meant."""
    if ignored:
        yield f"{path} also holds {', '.join(ignored)}: ignored, nothing reads it (--help says what is read)"
    if largest_siemens > SUSPECT_SIEMENS:
        yield f"G of {path} goes up to {largest_siemens:g} S, and G is in siemens: were ohms meant?"


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
