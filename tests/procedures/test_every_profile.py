"""Copies of the demo's station with another profile: every kind of junction that we ship can be measured.

Seeds are fixed; where chance decides, the false-alarm rate is said.
"""

import numpy as np
import pytest

from labctl.core.errors import MeasurementError
from labctl.core.procedure import Progress, Record
from labctl.procedures.shots import Pulses, Shooter, Threshold
from labctl.procedures.switching_curve import SwitchingCurve


def profile(kind):
    return 'profile = "vcma_long_pulse"', f'profile = "{kind}"'


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("vcma_long_pulse", 0),
        ("vcma_precessional", 0),
        ("seed_paper_unverified", 0),
        ("stt_smart", 2),
        ("superparamagnetic", 1),
    ],
)
def test_every_kind_of_junction_is_read_with_the_current_that_its_line_carries(lab_of, kind, changes):
    """One line of demo.toml is another, and the digitizer's range finds itself. Pulses too weak to need a column."""
    lab = lab_of(profile(kind))
    roles = lab.bench.roles()
    shooter = Shooter(roles["pulser"], roles["digitizer"], roles["array"])
    shooter.aim(2, 5)
    lab.world.put(0)
    shooter.load(Pulses(0.01, 20e-9, 1e-9, 0.02, 20e-9), 4)
    work, notes = shooter.fire(1000, Progress(0, 1000, "shots")), []
    while True:
        try:
            item = next(work)
        except StopIteration as finished:
            amps = finished.value
            break
        if isinstance(item, Record):
            notes.append(item.values["text"])
            lab.world.put(0)  # so that the burst which counts begins with all P, too, and the load is known
    assert len(notes) == changes
    assert all("taken again with" in text for text in notes)
    # The bit line stands at 10 ohm times its current, and its other seven junctions carry some of it away: 0.3 % of
    # the vcma_long_pulse, 4 % of the stt_smart. The generator's 25 ohm and eight junctions take part of the 20 mV.
    lab.world.put(0)
    roles["pulser"].hold(0.02)
    volts = lab.world.point().cell_volts
    told = (volts * lab.world.array.conductance(np.zeros(64, np.uint8), volts)).reshape(8, 8)[:, 5].sum()
    if kind == "superparamagnetic":  # a telegraph signal: P is the upper of two groups
        amps = amps[~Threshold.between(amps).states(amps)]
    # 5 sigma of the mean, false alarm 6e-7: the amplifier's noise is more than one read of 331 kohm at 20 mV. And
    # 0.5 % for 1/f noise and traps of the resistance, and for neighbours that change meanwhile.
    assert amps.mean() == pytest.approx(told, abs=5 * amps.std() / np.sqrt(amps.size) + 0.005 * told)


def test_a_short_beyond_the_widest_range_is_an_error_with_a_way_out(lab_of):
    lab = lab_of(("digitizer_transimpedance_ohms = 1.0e4", "digitizer_transimpedance_ohms = 1.0e6"))
    lab.world.array.stress(np.full(64, 3.0))  # all broken: 300 ohm each
    # 0.25 V is the most that these limits let stay; a read of 500 ns counts as that
    with pytest.raises(MeasurementError, match=r"the widest that could be set.*short.*digitizer_transimpedance_ohms"):
        lab.run(SwitchingCurve(2, 5, 0.5, 0.6, points=2, shots=10, read_volts=0.25))
