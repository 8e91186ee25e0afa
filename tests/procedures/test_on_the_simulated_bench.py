"""Procedures against the truth: what they report, beside what the simulated world knows of itself.

Seeds are fixed; where chance decides, the false-alarm rate is said.
"""

import inspect
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from labctl.core import procedure as vocabulary
from labctl.core.device import Line
from labctl.core.errors import EnvelopeError, MeasurementError, ParameterError
from labctl.core.procedure import Harvest
from labctl.procedures.bitstream import Bitstream
from labctl.procedures.crossbar_read import CrossbarRead
from labctl.procedures.shots import Pulses
from labctl.procedures.switching_curve import SwitchingCurve
from labctl_sim.circuit import Circuit
from labctl_sim.pulse_shape import staircase, trapezoid


@pytest.mark.parametrize("read_volts", [0.1, 0.02])
def test_the_crossbar_read_finds_the_conductance_of_every_junction(lab_of, read_volts):
    lab = lab_of()
    rows = lab.run(CrossbarRead(read_volts=read_volts)).of("junction")
    truth = lab.world.array.conductance(lab.world.array.states, np.full(64, read_volts)).reshape(8, 8)
    found = np.zeros((8, 8))
    for row in rows:
        found[row["row"], row["col"]] = row["siemens"]
    # lines (1 ohm a segment), relays and the meter are in series with 27 to 65 kohm, and are not corrected for
    assert found == pytest.approx(truth, rel=0.005)
    assert len(np.unique(lab.world.array.states)) == 2, "both states must be there for this to mean anything"
    assert not lab.world.is_live()
    assert lab.world.hot_switches == 0


def test_the_crossbar_read_notices_a_missing_termination(lab_of):
    lab = lab_of()
    # the file says 50 ohm and the cable has none: the world is changed behind the bench's back
    lab.world.connections._circuit = Circuit(lab.world.array, replace(lab.world.wiring, pulser_termination_ohms=np.inf))
    with pytest.raises(MeasurementError, match=r"beyond 1.2 times the 0.1 V.*pulser_termination_ohms"):
        lab.run(CrossbarRead())


@pytest.mark.parametrize(
    ("tier", "read_volts"), [("block", 0.1), ("block", -0.1), pytest.param("single", 0.1, marks=pytest.mark.slow)]
)
def test_bits_are_the_states_that_the_junction_took(lab_of, tier, read_volts):
    lab = lab_of()
    asked = Bitstream(((3, 4),), 1024, tier=tier, read_volts=read_volts, calibration_shots=200)
    kept = lab.run(asked)
    (harvest,) = [item for item in kept.items if isinstance(item, Harvest)]
    assert len(harvest.bits) == 1024
    assert harvest.bits.unpack()[-1] == lab.world.array.states[3 * 8 + 4]
    (block,) = kept.of("block")
    assert block["tier"] == tier
    assert block["separation"] > 20
    # a fair coin is within 5 sigma of one half: false alarm 6e-7 (its own bias is far below that)
    assert abs(block["ones"] - 512) < 5 * 16
    assert lab.world.hot_switches == 0


@pytest.mark.parametrize(("start", "stop", "read_volts"), [(0.55, 0.86, 0.1), (0.86, 0.55, -0.1)])
def test_the_switching_curve_recovers_the_junction(lab_of, solved, start, stop, read_volts):
    lab = lab_of()
    row, col = 2, 5
    asked = SwitchingCurve(row, col, start, stop, points=21, shots=4000, read_volts=read_volts)
    kept = lab.run(asked)
    fit = next(values for values in kept.of("fit") if values["model"] == "barrier")
    # Outside truth: the Fokker-Planck equation of that junction through the pulse as the generator makes it, with 0.5 %
    # of the volts lost on the way (source and lines against 8 junctions). Where P is 1/4, and how steep it is there:
    true = lab.junction(row, col)
    centre, step = fit["centre_volts"], 0.01
    told = []
    for volts in (centre - step, centre + step):
        wave = staircase(trapezoid(0.05e-9, 20e-9, 1e-9, 1e-9, 0.0, 0.995 * volts), 21.2e-9)
        told.append(solved(true, wave.volts, wave.seconds, 0, nodes=1))
    slope = (told[1] - told[0]) / (2 * step)
    right = centre + (0.25 - np.mean(told)) / slope
    # 4 sigma: false alarm 6e-5 each. The fit's own curve is not the macrospin's, which rounds otherwise; and 2 mV are
    # the table's.
    assert centre == pytest.approx(right, abs=4 * fit["centre_volts_error"] + 0.004)
    # The fitted curve has dP/dV = slope ln(2)/4 at its centre: 16 % more than the macrospin's, which flattens sooner.
    assert fit["slope_per_volt"] * np.log(2) / 4 == pytest.approx(1.16 * slope, rel=0.06)
    states = lab.world.array.states
    assert kept.of("point")[-1]["p_antiparallel"] == pytest.approx(states[row * 8 + col], abs=1)
    threshold = kept.of("threshold")[0]
    conductance = lab.world.array.conductance
    for name, state in (("parallel_amps", 0), ("antiparallel_amps", 1)):
        siemens = conductance(np.full(64, state, np.uint8), np.full(64, abs(read_volts)))[row * 8 + col]
        assert threshold[name] == pytest.approx(abs(read_volts) * siemens, rel=0.02)


@pytest.mark.parametrize(
    ("procedure", "error", "says"),
    [
        (Bitstream(volts=1.2), EnvelopeError, "1.2"),
        (Bitstream(volts=0.4), MeasurementError, "do not show two states"),
        (Bitstream(junctions=((8, 0),)), ParameterError, "no junction"),
        (SwitchingCurve(read_volts=0.0), ParameterError, "read_volts is 0"),
        (SwitchingCurve(stop_volts=-0.9), EnvelopeError, "0.9"),
        (CrossbarRead(read_volts=0.4), EnvelopeError, "0.4"),
        (CrossbarRead(limit_amps=1e-7), MeasurementError, "Raise limit_amps"),
    ],
)
def test_what_cannot_be_measured_is_refused_and_the_bench_is_left_at_rest(lab_of, procedure, error, says):
    lab = lab_of()
    with pytest.raises(error, match=says):
        lab.run(procedure)
    lab.bench.safe()
    assert not lab.world.is_live()
    assert not lab.world.array.broken.any()


def test_the_junction_rests_at_zero_volts_between_bursts(lab_of):
    lab = lab_of()
    roles = lab.bench.roles()
    roles["array"].route({"pulser": Line("word", 0), "digitizer": Line("bit", 0)})
    plan = Pulses(0.99, 20e-9, 1e-9, 0.1, 200e-9).plan()
    roles["pulser"].program(plan)
    roles["pulser"].fire(1000)
    assert np.abs(lab.world.point().cell_volts).max() < 1e-3


def level(volts):
    return lambda roles: roles["pulser"].hold(volts)


def source(volts):
    return lambda roles: roles["smu"].apply_volts(volts, 1e-3)


def pulses(roles):
    roles["pulser"].program(Pulses(0.99, 20e-9, 1e-9, 0.1, 200e-9).plan())


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (level(0.25), source(-0.25)),
        (source(-0.2), level(0.1)),
        (source(0.1), pulses),
        (pulses, source(0.1)),
        (level(0.2), lambda roles: roles["smu"].apply_amps(1e-6, 0.2)),
    ],
)
def test_two_sources_cannot_add_up_across_a_junction(lab_of, first, second):
    lab = lab_of()
    roles = lab.bench.roles()
    roles["array"].route({"pulser": Line("word", 0), "smu": Line("bit", 0)})
    first(roles)
    with pytest.raises(EnvelopeError, match=r"could (add up|put) "):
        second(roles)
    assert np.abs(lab.world.point().cell_volts).max() < 0.26
    roles["pulser"].off()
    roles["smu"].off()
    second(roles)


def test_the_example_in_the_vocabulary_runs(lab_of):
    text = inspect.getdoc(vocabulary).split("::", 1)[1].split("Stopping a procedure")[0]
    names = (
        "from dataclasses import dataclass\nfrom typing import Annotated\nimport numpy as np\n"
        "from annotated_types import Interval\nfrom labctl.core.device import ArrayPort, Line, SourceMeter\n"
        "from labctl.core.procedure import Items, Record\n"
    )
    scope = {}
    exec(names + textwrap.dedent(text), scope)  # noqa: S102 - the documented example is what is under test
    lab = lab_of()
    points = lab.run(scope["IvCurve"](row=1, stop_volts=0.1, points=5)).of("point")
    truth = lab.world.array.conductance(lab.world.array.states, np.full(64, 0.1)).reshape(8, 8)[1].sum()
    assert points[-1]["amps"] == pytest.approx(0.1 * truth, rel=0.01)
    assert not lab.world.is_live()
