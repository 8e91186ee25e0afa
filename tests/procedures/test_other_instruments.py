"""The same procedure on other instruments finds the same junction."""

import numpy as np
import pytest

from labctl.core.errors import InstrumentError
from labctl.procedures.switching_curve import SwitchingCurve

OTHERS = [("keysight81160a", "pg1074"), ("keithley707b", "keithley7001")]
CURVE = {"start_volts": 0.62, "stop_volts": 0.80, "points": 4}


@pytest.mark.slow
def test_a_pg1074_and_a_7001_measure_the_curve_of_an_81160a_and_a_707b(lab_of):
    usual = lab_of().run(SwitchingCurve(**CURVE, shots=4000)).of("point")
    lab = lab_of(*OTHERS)
    other = lab.run(SwitchingCurve(**CURVE, shots=400, edge_seconds=70e-12, long_gaps=True)).of("point")
    assert not lab.world.is_live()
    assert lab.world.hot_switches == 0
    for a, b in zip(usual, other, strict=True):
        assert a["volts"] == pytest.approx(b["volts"], abs=1e-3)
        # Edges of 1 ns and of 70 ps differ by less than 0.01 here. Four points within 4 sigma: false alarm 3e-4.
        p = (a["switched"] + b["switched"]) / (a["trials"] + b["trials"])
        sigma = np.sqrt(p * (1 - p) * (1 / a["trials"] + 1 / b["trials"]))
        assert abs(a["p_switch"] - b["p_switch"]) < 4 * sigma + 0.01


def test_what_a_pg1074_would_have_to_play_apart_is_refused_unless_asked_for(lab_of):
    lab = lab_of(*OTHERS)
    with pytest.raises(InstrumentError, match=r"pulses of 0\.1, 0\.8 V in one cycle.*long_gaps"):
        lab.run(SwitchingCurve(**CURVE, edge_seconds=70e-12))
    with pytest.raises(InstrumentError, match="edges are fixed at 7e-11 s"):
        lab.run(SwitchingCurve(**CURVE, long_gaps=True))
    assert not lab.world.is_live()
