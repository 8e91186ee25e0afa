"""Some of N junctions out of values that hold arrays (N,), however deep."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value")


def pick(values: Value, which: NDArray[Any]) -> Value:
    """``values``, a dataclass, with every array in it (and in the dataclasses in it) indexed by ``which``."""
    changed: dict[str, Any] = {}
    for field in fields(values):  # type: ignore[arg-type]  # typing has no name for "a dataclass"
        value = getattr(values, field.name)
        if isinstance(value, np.ndarray):
            changed[field.name] = value[which]
        elif is_dataclass(value):
            changed[field.name] = pick(value, which)
    return replace(values, **changed) if changed else values  # type: ignore[type-var]  # as above
