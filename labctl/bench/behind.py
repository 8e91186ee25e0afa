"""What stands behind simulated instruments, in one line: the junctions and what computes them, from a provenance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def behind(provenance: Mapping[str, Any]) -> str:
    """The ``library`` of a run's provenance in words; "" for a library that says nothing of itself.

    Such as ``profile vcma_long_pulse, physics table, ..., array seed 2407, clock virtual``.
    """
    library = provenance.get("library") or {}
    return ", ".join(_words(name.replace("_", " "), value) for name, value in library.items())


def _words(name: str, value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if text.startswith(name) else f"{name} {text}"
