"""Copies of the demo's station with another profile: every kind of junction that we ship can be measured.

Seeds are fixed; where chance decides, the false-alarm rate is said.
"""

from dataclasses import replace

import numpy as np
import pytest

from labctl.core.device import Line
from labctl.core.errors import EnvelopeError, InstrumentError, MeasurementError, ParameterError
from labctl.core.procedure import Progress, Record
from labctl.procedures.bitstream import Bitstream
from labctl.procedures.crossbar_read import CrossbarRead
from labctl.procedures.shots import Pulses, Shooter
from labctl.procedures.switching_curve import SwitchingCurve
from labctl.procedures.threshold import Threshold
from labctl_sim.junction import OPEN
from labctl_sim.macrospin.drive import trapezoid
from labctl_sim.macrospin.trials import switching_probability

CELL = 2 * 8 + 5


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
    shooter.load(Pulses(0.005, 20e-9, 1e-9, 0.01, 20e-9), 16)
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
    # the vcma_long_pulse, 4 % of the stt_smart. The generator's 25 ohm and eight junctions take part of the 10 mV.
    lab.world.put(0)
    roles["pulser"].hold(0.01)
    volts = lab.world.point().cell_volts
    told = (volts * lab.world.array.conductance(np.zeros(64, np.uint8), volts)).reshape(8, 8)[:, 5].sum()
    if kind == "superparamagnetic":  # a telegraph signal: P is the upper of two groups
        amps = amps[~Threshold.between(amps).states(amps)]
    # 5 sigma of the mean, false alarm 6e-7: the amplifier's noise is more than one read of 331 kohm at 10 mV. And
    # 0.5 % for 1/f noise and traps of the resistance, and for neighbours that change meanwhile.
    assert amps.mean() == pytest.approx(told, abs=5 * amps.std() / np.sqrt(amps.size) + 0.005 * told)


def test_a_short_beyond_the_widest_range_is_an_error_with_a_way_out(lab_of):
    lab = lab_of(("digitizer_transimpedance_ohms = 1.0e4", "digitizer_transimpedance_ohms = 1.0e6"))
    lab.world.array.stress(np.full(64, 3.0))  # all broken: 300 ohm each
    # 0.25 V is the most that these limits let stay; a read of 500 ns counts as that
    with pytest.raises(MeasurementError, match=r"the widest that could be set.*short.*digitizer_transimpedance_ohms"):
        lab.run(SwitchingCurve(2, 5, 0.5, 0.6, points=2, shots=10, read_volts=0.25))


def stt(lab_of):
    return lab_of(profile("stt_smart"), ("pulse_positive_volts = 1.0", "pulse_positive_volts = 0.5"))


def notes(kept):
    return [values["text"] for values in kept.of("note")]


RESET = SwitchingCurve(2, 5, 0.05, 0.45, points=9, shots=1000, width_seconds=2e-9, read_volts=0.02, reset_volts=-0.45)


def test_with_a_reset_spin_torque_switches_from_never_to_always(lab_of):
    lab = stt(lab_of)
    kept = lab.run(RESET)
    assert kept.of("reset") == [{"state": 0, "p_failed": 0.0}]
    curve = [point["p_switch"] for point in kept.of("point")]
    assert curve == [point["p_antiparallel"] for point in kept.of("point")]
    assert curve == sorted(curve)
    assert curve[0] < 0.01
    assert curve[-1] > 0.99
    # The barrier model ends at 1/2 and this junction does not: said, beside what was said of the digitizer's range.
    assert [text for text in notes(kept) if "the barrier fit is bad" in text], notes(kept)
    with pytest.raises(MeasurementError, match="give reset_volts"):  # always AP, from the second pulse on
        lab.run(replace(RESET, reset_volts=0.0))


@pytest.mark.parametrize(("volts", "reset_volts"), [(0.18, -0.45), (0.23, -0.45), (-0.2, 0.45)])
def test_with_a_reset_spin_torque_switches_as_often_as_the_engine_says(lab_of, volts, reset_volts):
    lab = stt(lab_of)
    other = np.sign(volts) * 0.45
    kept = lab.run(replace(RESET, start_volts=volts, stop_volts=other, points=2, shots=4000, reset_volts=reset_volts))
    (reset,), found = kept.of("reset"), kept.of("point")[0]
    assert reset == {"state": int(reset_volts > 0), "p_failed": 0.0}
    # What arrives depends on the states of the whole row, which the reset sets and the pulses change: on a real bench
    # from cycle to cycle, here from time to time. The truth lies between that for all in one state and in the other.
    roles = lab.bench.roles()
    roles["array"].route({"pulser": Line("word", 2), "digitizer": Line("bit", 5)})
    roles["pulser"].hold(found["volts"])
    arrive = []
    for others in (0, 1):
        lab.world.put(others)
        lab.world.array.states[CELL] = reset["state"]
        arrive.append(lab.world.point().cell_volts[CELL])
    # An edge of one sample is none: this generator steps from sample to sample.
    pulse = trapezoid(np.array(arrive), 2e-9, 0.0, 0.0)
    layer = lab.junction(2, 5).layer
    told, error = switching_probability(layer, pulse, trials=4000, seed=1, start=reset["state"], step_seconds=2e-12)
    # 5 sigma of both, false alarm 6e-7; the table is good to 0.003 of a flip.
    slack = 5 * np.hypot(np.sqrt(told * (1 - told) / found["trials"]), error).max() + 0.003
    assert np.ptp(told) < 0.12
    assert told.min() - slack < found["p_switch"] < told.max() + slack


def test_a_reset_that_does_not_reset_is_said(lab_of):
    lab = lab_of()
    kept = lab.run(SwitchingCurve(2, 5, 0.55, 0.8, points=5, shots=200, reset_volts=0.8))
    assert kept.of("reset")[0]["p_failed"] > 0.2  # a long pulse forgets: a fair coin
    assert [text for text in notes(kept) if "of the resets do not leave state" in text]


def test_bits_of_a_spin_torque_junction_come_after_a_reset(lab_of):
    lab = stt(lab_of)
    asked = Bitstream(((2, 5),), 4096, 0.18, 2e-9, read_volts=0.02, reset_volts=-0.45, calibration_shots=400)
    (block,) = lab.run(asked).of("block")
    assert block["volts"] == pytest.approx(0.18, rel=1e-3)
    assert 0.35 < block["ones"] / block["n"] < 0.65
    assert abs(block["lag1_z"]) < 5  # the reset forgets: false alarm 6e-7


def test_a_reset_is_held_to_the_limits_and_to_its_edge(lab_of):
    lab = stt(lab_of)
    with pytest.raises(EnvelopeError, match=r"the reset pulse of -0\.6 V"):
        lab.run(replace(RESET, reset_volts=-0.6))
    with pytest.raises(ParameterError, match=r"longer than a pulse \(reset 1e-09 s, pulse"):
        lab.run(replace(RESET, reset_seconds=1e-9, edge_seconds=1.5e-9))
    with pytest.raises(InstrumentError, match=r"width of a pulse.*1\.5e-09"):
        lab.run(replace(RESET, width_seconds=1e-9))


@pytest.mark.parametrize(("read_volts", "disturbed"), [(0.1, 64), (0.002, 0)])
def test_a_crossbar_read_that_writes_says_so(lab_of, read_volts, disturbed):
    kept = stt(lab_of).run(CrossbarRead(read_volts=read_volts))
    found = [text for text in notes(kept) if "lower read_volts" in text]
    assert len(found) == (disturbed > 0)
    if disturbed:
        assert found[0].startswith(f"{disturbed} of 64 junctions")
        assert "(0, 7) and 56 more" in found[0]


def test_open_cells_and_offsets_are_not_called_disturbed(lab_of):
    lab = lab_of()
    lab.world.array.junctions.defects[:8] = OPEN
    assert not notes(lab.run(CrossbarRead(read_volts=0.02)))


def test_a_centre_that_was_not_swept_is_said(lab_of):
    kept = lab_of().run(SwitchingCurve(2, 5, 0.55, 0.65, points=6, shots=1000))
    assert next(fit for fit in kept.of("fit") if fit["model"] == "barrier")["centre_volts"] > 0.65
    assert [text for text in notes(kept) if "the centre of the barrier fit" in text and "0.55 to 0.65 V" in text]
