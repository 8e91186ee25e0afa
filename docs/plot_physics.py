"""The pictures of docs/physics.md: the simulated physics beside what knows the answer without sampling.

    python docs/plot_physics.py [NAME ...] [--out docs/physics]

Seeds are fixed, so that a picture changes only when the physics does. Bars are one standard error throughout. The
tables of the page are printed by ``--tables``.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from physics_plots import chances, energy, heat, look, motion, network, tables
from PIL import Image


@dataclass(frozen=True)
class Picture:
    """What draws it, its inches, and how many trials are behind each of its points."""

    draw: Callable[[Figure, int], None]
    width_inches: float
    height_inches: float
    trials: int = 1


PICTURES = {
    "thermal-field": Picture(heat.thermal_field, 6.8, 2.7, 200_000),
    "boltzmann": Picture(heat.boltzmann, 6.8, 2.5, 20_000),
    "neel-brown": Picture(heat.neel_brown, 6.8, 2.7, 40_000),
    "precession": Picture(motion.precession, 6.8, 2.6),
    "ring-down": Picture(motion.ring_down, 6.8, 2.6),
    "width": Picture(chances.width, 7.2, 2.9, 20_000),
    "map": Picture(chances.switching_map, 7.2, 3.0, 20_000),
    "step": Picture(motion.step, 6.8, 2.6, 200_000),
    "escape": Picture(heat.escape, 6.8, 2.8),
    "energy": Picture(energy.energy, 7.2, 3.2, 200),
    "network": Picture(network.network, 8.2, 3.0),
    "toggling": Picture(chances.toggling, 6.8, 2.8, 8_000),
}


def picture(name: str, trials: int | None = None) -> bytes:
    """A PNG of one of `PICTURES`; ``trials`` of every point, None = as on the page."""
    asked = PICTURES[name]
    with rc_context(look.STYLE):
        figure = Figure(figsize=(asked.width_inches, asked.height_inches), dpi=110, layout="constrained")
        FigureCanvasAgg(figure)
        asked.draw(figure, asked.trials if trials is None else trials)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    small = io.BytesIO()
    with Image.open(buffer) as image:  # again with a palette: a third of the size
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(small, "png", optimize=True)
    return small.getvalue()


def main() -> None:
    """Draw what is asked for."""
    parser = argparse.ArgumentParser(description="Draw the pictures of docs/physics.md again.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PICTURES)}; none = all")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "physics")
    parser.add_argument("--tables", action="store_true", help="print the tables of profiles instead")
    options = parser.parse_args()
    if options.tables:
        sys.stdout.write(f"{tables.summary()}\n\n{tables.profiles_table()}\n")
        return
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
