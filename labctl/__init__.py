"""labctl: random bits and crossbar reads from magnetic tunnel junctions, from the bench to SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labctl.notebook import open_bench as open_bench


def __getattr__(name: str) -> Any:
    """``labctl.open_bench``, imported when it is asked for: most who import labctl want one part of it."""
    if name == "open_bench":
        from labctl.notebook import open_bench  # noqa: PLC0415 - see above

        return open_bench
    raise AttributeError(f"module 'labctl' has no attribute {name!r}")
