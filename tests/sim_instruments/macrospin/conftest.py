"""Outside truth for the switching table."""

import numpy as np
import pytest


@pytest.fixture(scope="session")
def exact():
    """P(P -> AP) and P(AP -> P), (2, count), straight from the Fokker-Planck equation of this very junction (N = 1).

    ``exact(layer, volts, seconds, shape, count)``: tops of seconds/count, 2 seconds/count ... seconds.
    """
    from labctl_sim.macrospin.columns import Point, column
    from labctl_sim.macrospin.scales import Scales

    def chances(layer, volts, seconds, shape, count=1):
        own = Scales.of(layer)
        one = {name: float(getattr(own, name)[0]) for name in Scales.__dataclass_fields__}
        unit = 2 * one["damping"] / (one["transverse"] or one["stability"])  # what a radian is; any will do
        radian = unit * one["neel_seconds"]
        stairs = [tuple((part, each / radian) for part, each in side) for side in (shape.leading, shape.trailing)]
        numbers = (one["stability"], one["transverse"], one["tilt"], one["damping"])
        lean = one["tilt_per_volt"] * volts + one["tilt_per_square_volt"] * volts**2
        point = Point(*numbers, one["drop_per_volt"] * volts, one["spin_per_volt"] * volts, lean, unit, *stairs)
        return np.asarray(column(point, angles=(seconds / radian / count, count + 1)).chance[:, 1:])

    return chances
