"""The profiles as tables of Markdown."""

from __future__ import annotations

import math

from labctl_sim import profile
from labctl_sim.quantities import ALL

PROFILES = ("vcma_long_pulse", "vcma_precessional", "stt_smart", "superparamagnetic")
LETTER = {"literature": "L", "measured": "M", "assumed": "A"}
PURPOSES = {
    "vcma_long_pulse": "fair coins without trimming: 20 ns pulses beyond V_c",
    "vcma_precessional": "fast, cheap bits by a quarter or half turn; P depends on everything",
    "stt_smart": "ballistic spin-transfer switching; volts set P, reset before each bit",
    "superparamagnetic": "flips by itself, is only read",
    "seed_paper_unverified": "blanks to be filled in; `vcma_long_pulse` stands in",
}


def summary() -> str:
    """The profiles in one table of Markdown: stability, volts, purpose, and how sure their numbers are."""
    lines = [
        "| name | Δ at rest | V_c | breaks at | what it is for | literature / measured / assumed |",
        "|---|---|---|---|---|---|",
    ]
    for name, purpose in PURPOSES.items():
        kind = profile.load(name)
        critical = f"{kind.critical_volts:.3f} V" if math.isfinite(kind.critical_volts) else "none"
        statuses = [quantity.status for quantity in kind.quantities.values()]
        counts = " / ".join(str(statuses.count(status)) for status in LETTER)
        breaks = f"{kind.quantities['breakdown_volts'].value:g} V"
        lines.append(f"| `{name}` | {kind.stability:.1f} | {critical} | {breaks} | {purpose} | {counts} |")
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
