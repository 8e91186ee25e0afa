"""Sources that meet on a line: the operating point obeys Kirchhoff, every limit, and the junctions' own curves."""

import math

import numpy as np
import pytest
import pyvisa
from hypothesis import given, settings
from hypothesis import strategies as st

from labctl.bench.wiring import Contact, Wiring
from labctl.core.device import Crosspoint
from labctl_sim import profile
from labctl_sim.array import JunctionArray
from labctl_sim.circuit import INSULATION_SIEMENS, Circuit, CircuitUnsettled
from labctl_sim.faces import CurrentSource, Thevenin, VoltageSource

SIZE = 4
ROLES = ("a", "b", "c", "d")
WIRING = Wiring(
    tuple(Contact(1, line + 1) for line in range(SIZE)),
    tuple(Contact(1, SIZE + line + 1) for line in range(SIZE)),
    {role: row for row, role in enumerate(ROLES, 1)},
)


def array_of(states, tmr=None):
    junctions = profile.load("vcma_long_pulse").junctions(SIZE * SIZE, np.random.default_rng(5))
    if tmr is not None:
        junctions.tmr[:] = tmr
    return JunctionArray(SIZE, SIZE, junctions, np.array(states, np.uint8))


levels = st.one_of(st.sampled_from([0.0, 0.1, -0.1, 1.0, 2.0, -2.0]), st.floats(-20, 20))
limits = st.one_of(st.sampled_from([1e-9, 1e-6, 1e-3, 0.1]), st.floats(1e-9, 1.0))
faces = st.one_of(
    st.builds(VoltageSource, levels, limits),
    st.builds(CurrentSource, st.one_of(st.just(0.0), st.floats(-1e-2, 1e-2)), st.floats(0.1, 40.0)),
    st.builds(Thevenin, levels, st.floats(1.0, 1e3)),
)


def holds(face, volts, amps, *, limited):
    """Whether a source has a right to be at this point."""
    near = 1e-6
    if isinstance(face, Thevenin):
        return amps == pytest.approx((face.volts - volts) / face.ohms, rel=near, abs=1e-9)
    if isinstance(face, VoltageSource):
        if not limited:
            return volts == pytest.approx(face.volts, abs=near) and abs(amps) <= face.limit_amps * (1 + near) + 1e-12
        pulls = (face.volts - volts) * math.copysign(1, amps)  # it still wants more of the same
        return abs(amps) == pytest.approx(face.limit_amps, rel=near) and pulls >= -near * (1 + abs(face.volts))
    if not limited:
        return amps == pytest.approx(face.amps) and abs(volts) <= face.limit_volts * (1 + near)
    pushes = (face.amps - amps) * math.copysign(1, volts)
    return abs(volts) == pytest.approx(face.limit_volts, rel=near) and pushes >= -near * abs(face.amps) - 1e-12


@given(
    st.dictionaries(st.sampled_from(ROLES), faces, min_size=1),
    st.sets(st.tuples(st.integers(1, len(ROLES)), st.integers(1, 2 * SIZE)), max_size=10),
    st.lists(st.integers(0, 1), min_size=SIZE * SIZE, max_size=SIZE * SIZE),
    st.sampled_from([None, 0.5, 2.0, 6.0]),
)
@settings(max_examples=100, deadline=None)
def test_every_point_is_one_that_the_sources_and_the_junctions_allow(sources, relays, states, tmr):
    array = array_of(states, tmr)
    closed = frozenset(Crosspoint(1, row, column) for row, column in relays)
    point = Circuit(array, WIRING).solve(closed, sources, array.states)
    largest = max((abs(getattr(face, "limit_volts", 0.0)) for face in sources.values()), default=0.0)
    largest = max(largest, *(abs(getattr(face, "volts", 0.0)) for face in sources.values()))
    for role, face in sources.items():
        volts, amps = point.volts[role], point.amps[role]
        assert abs(volts) <= largest * (1 + 1e-6) + 1e-9, "nobody sources that many volts"
        assert holds(face, volts, amps, limited=role in point.limited), (role, face, volts, amps, point.limited)
    # What flows in flows out, but for what the insulation of 8 lines and 8 rows leaks.
    leak = INSULATION_SIEMENS * 16 * max(largest, 1.0)
    currents = np.array(list(point.amps.values()))
    assert abs(currents.sum()) <= leak + 1e-9 * np.abs(currents).max() + 1e-12
    assert np.abs(point.cell_volts).max() <= 2 * largest + 1e-6


@given(st.floats(1e-7, 1e-3), st.sampled_from([0.5, 1.0, 2.0, 6.0]), st.integers(0, SIZE - 1), st.integers(0, SIZE - 1))
@settings(max_examples=100, deadline=None)
def test_the_volts_across_a_junction_are_those_at_which_it_carries_the_current(amps, tmr, word, bit):
    """One AP junction on a current source, and no other path: a fixed point that plain iteration overshoots."""
    array = array_of([1] * (SIZE * SIZE), tmr)
    closed = frozenset({Crosspoint(1, 1, word + 1), Crosspoint(1, 2, SIZE + bit + 1)})
    sources = {"a": CurrentSource(amps, 40.0), "b": Thevenin(0.0, 1.0)}
    point = Circuit(array, WIRING).solve(closed, sources, array.states)
    assert not point.limited
    through = array.conductance(array.states, point.cell_volts) * point.cell_volts
    by_lines = through.reshape(SIZE, SIZE)
    # Kirchhoff at every line: all that is sourced leaves its word line and arrives at its bit line. To 1e-8 V a cell.
    expected = np.zeros(SIZE)
    expected[word] = amps
    leak = INSULATION_SIEMENS * 16 * point.volts["a"]
    tolerance = 1e-8 * SIZE / array.junctions.parallel_ohms.min() + leak
    np.testing.assert_allclose(by_lines.sum(axis=1), expected, rtol=0, atol=tolerance)
    assert by_lines.sum(axis=0)[bit] == pytest.approx(amps, rel=0, abs=tolerance)


def test_what_has_no_operating_point_is_said_so():
    class Hopeless(JunctionArray):
        """Junctions that conduct only at volts that they lose when they do."""

        def conductance(self, states, volts):
            return np.where(np.abs(volts) > 0.05, 1e-3, 1e-9)

    whole = array_of([0] * (SIZE * SIZE))
    array = Hopeless(SIZE, SIZE, whole.junctions, whole.states)
    closed = frozenset({Crosspoint(1, 1, 1), Crosspoint(1, 2, SIZE + 1)})
    with pytest.raises(CircuitUnsettled, match="did not settle"):
        Circuit(array, WIRING).solve(closed, {"a": Thevenin(0.1, 1e4), "b": Thevenin(0.0, 1.0)}, array.states)


@pytest.mark.parametrize(
    ("sources", "volts", "amps", "limited"),
    [
        # 1 V with 1 mA against 2 V with 100 mA: the weaker one sinks what it can, the stronger one wins.
        ((VoltageSource(1.0, 1e-3), VoltageSource(2.0, 0.1)), 2.0, (-1e-3, 1e-3), {"a"}),
        ((VoltageSource(2.0, 1e-3), VoltageSource(-1.0, 1e-6)), 2.0, (1e-6, -1e-6), {"b"}),
        # A current source beats a voltage source that cannot sink so much, up to its own compliance.
        ((VoltageSource(1.0, 1e-3), CurrentSource(1e-2, 20.0)), 20.0, (-1e-3, 1e-3), {"a", "b"}),
        ((VoltageSource(1.0, 0.1), CurrentSource(1e-2, 20.0)), 1.0, (-1e-2, 1e-2), set()),
        # Two current sources and nowhere to go: the lower compliance, which then sinks what the other one sources.
        ((CurrentSource(1e-3, 2.0), CurrentSource(1e-3, 5.0)), 2.0, (-1e-3, 1e-3), {"a"}),
        ((CurrentSource(1e-3, 2.0), CurrentSource(-3e-3, 5.0)), -2.0, (3e-3, -3e-3), {"a"}),
    ],
)
def test_who_wins_on_one_line(sources, volts, amps, limited):
    array = array_of([0] * (SIZE * SIZE))
    closed = frozenset({Crosspoint(1, 1, 1), Crosspoint(1, 2, 1)})
    point = Circuit(array, WIRING).solve(closed, dict(zip("ab", sources, strict=True)), array.states)
    for role, expected in zip("ab", amps, strict=True):
        assert point.volts[role] == pytest.approx(volts, abs=0.02)  # two relays lie between them
        assert point.amps[role] == pytest.approx(expected, rel=1e-4)
    assert point.limited == limited


def test_two_source_meters_on_one_line_hurt_nothing(station, tmp_path):
    path = station()
    text = path.read_text(encoding="utf-8")
    text = text.replace("[array]", '[instruments.other]\ndriver = "none"\naddress = "GPIB0::26::INSTR"\n[array]', 1)
    text = text.replace('digitizer = "C"', 'digitizer = "C", other = "D"', 1)
    text = text.replace("[simulation.models]", '[simulation.models]\nother = "keithley2636b"', 1)
    path.write_text(text, encoding="utf-8")
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    try:
        smu, other = (manager.open_resource(f"GPIB0::{n}::INSTR", read_termination="\n") for n in (24, 26))
        matrix = manager.open_resource("TCPIP0::192.0.2.17::inst0::INSTR")
        matrix.write("channel.exclusiveclose('1B01,1D01')")
        smu.write("*RST;:SENS:FUNC 'CURR';:SENS:CURR:PROT 1E-3;:SOUR:VOLT 0.2;:OUTP ON")
        other.write("smua.source.limiti = 1e-4 smua.source.levelv = -0.2 smua.source.output = 1")
        amps = float(smu.query(":READ?").split(",")[1])
        assert amps == pytest.approx(1e-4, rel=0.01)
        volts = float(other.query("print(smua.measure.v())"))
        assert volts == pytest.approx(0.2, abs=0.01)
        assert other.query("print(smua.source.compliance)") == "true"
        assert not manager.visalib.world.array.broken.any()
    finally:
        manager.close()


def test_an_unwired_source_meter_is_an_open_circuit_whatever_its_model(station):
    path = station()
    text = path.read_text(encoding="utf-8").replace('smu = "B", ', "", 1)
    assert 'smu = "B"' not in text
    path.write_text(text, encoding="utf-8")
    manager = pyvisa.ResourceManager(f"sim:{path}@labctl")
    try:
        smu = manager.open_resource("GPIB0::24::INSTR", read_termination="\n")
        smu.write("*RST;:SENS:FUNC 'VOLT','CURR';:SOUR:VOLT 1;:OUTP ON")
        volts, amps = (float(text) for text in smu.query(":READ?").split(",")[:2])
        assert volts == pytest.approx(1.0, rel=1e-3)
        assert abs(amps) < 1e-8
        smu.write(":OUTP OFF;:SOUR:FUNC CURR;:SENS:VOLT:PROT 5;:SOUR:CURR -1E-6;:OUTP ON")
        values = smu.query(":READ?").split(",")
        assert float(values[0]) == pytest.approx(-5.0, rel=0.01)
        assert int(float(values[4])) & (1 << 3)  # in compliance
    finally:
        manager.close()
