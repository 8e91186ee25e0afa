"""Values on their way into JSON: numpy scalars become Python's, NaN becomes null, nothing else is bent to fit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from labctl.core.errors import ParameterError


def plain(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    """``values`` as JSON can carry them; ``where`` names them in an error.

    Raises ParameterError for infinities and for what is no scalar.
    """
    result: dict[str, Any] = {}
    for name, given in values.items():
        value = given.item() if isinstance(given, np.generic) else given
        if isinstance(value, float) and math.isnan(value):
            value = None
        if not isinstance(value, str | float | int | bool | None) or value in (math.inf, -math.inf):
            raise ParameterError(
                f"{where} has {name} = {value!r}, which is no finite scalar; "
                "give None for what was not measured, and one record per element of an array"
            )
        result[name] = value
    return result
