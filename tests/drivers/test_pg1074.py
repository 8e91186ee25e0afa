"""The PG-1074 driver: by script, on the simulated instrument, and over a network."""

import pytest
from pymeasure.test import expected_protocol

from labctl.core.device import PulseGenerator
from labctl.core.errors import InstrumentError
from labctl.core.pulses import Phase, PhaseKind, PulsePlan, Timing
from labctl_drivers.pg1074 import EDGE_SECONDS, PG1074

IDN = ("*IDN?", "ACTIVE TECHNOLOGIES,PG-1074,012345,1.0.0")
NO_ERROR = (":SYST:ERR?", '0,"No error"')
LEVEL = "SOUR1:VOLT:LEV:IMM"
DOUBLE = PulsePlan(
    (
        Phase(PhaseKind.STOCHASTIC, -0.5, 5e-9, 0.0, 20e-9),
        Phase(PhaseKind.READ, -0.5, 10e-9, EDGE_SECONDS, 30e-9),
    )
)
SHOT = (
    Phase(PhaseKind.RESET, -0.4, 20e-9, 0.0, 100e-9),
    Phase(PhaseKind.STOCHASTIC, 0.7, 5e-9, 0.0, 100e-9),
    Phase(PhaseKind.READ, 0.1, 200e-9, 0.0, 100e-9),
)


def sent(*commands):
    return [pair for command in commands for pair in ((command, None), NO_ERROR)]


OFF = [*sent("OUTP1:STAT OFF", "PULSEGENC:STOP"), ("OUTP1:STAT?", "0")]
PREPARED = [
    *OFF,
    *sent("SOUR1:LOAD:COMP OFF", f"{LEVEL}:OFFS 0.000000000e+00 V", "SOUR1:VOLT:AMPL 1.000000000e-02 V"),
    *sent("SOUR1:INV OFF", "SOUR1:INITDEL 0 S", "TRIG:MODE BURST", "TRIG:SOUR MAN"),
]
LOADED = [
    *PREPARED,
    *sent(f"{LEVEL}:OFFS 0.000000000e+00 V", "SOUR1:INV ON", f"{LEVEL}:OFFS -5.000000000e-03 V"),
    *sent(f"{LEVEL}:LOW -5.000000000e-01 V", "OUTP1:PULS:MODE DOUBLE"),
    *sent("SOUR1:PULS1:WID 5.000000000e-09 S", "SOUR1:PULS1:DEL 0.000000000e+00 S"),
    *sent("SOUR1:PULS2:WID 1.000000000e-08 S", "SOUR1:PULS2:DEL 2.507000000e-08 S"),
    *sent("SOUR1:PER 6.514000000e-08 S"),
]
READ_BACK = [
    ("SOUR1:INV?", "1"),
    (f"{LEVEL}:HIGH?", "0"),
    (f"{LEVEL}:LOW?", "-0.5"),
    ("SOUR1:PULS1:DEL?", "0"),
    ("SOUR1:PULS2:DEL?", "25.07E-9"),
    ("SOUR1:PULS1:WID?", "5E-9"),
    ("SOUR1:PULS2:WID?", "10E-9"),
    ("SOUR1:PER?", "65.14E-9"),
]
TURNED_ON = [*sent("OUTP1:STAT ON"), ("OUTP1:STAT?", "1")]


def test_a_plan_of_one_level_is_one_cycle_and_a_burst_is_one_trigger(over):
    pairs = [IDN, *LOADED, *READ_BACK, ("OUTP1:STAT?", "0"), *sent("SOUR1:BURS:NCYC 1000"), *TURNED_ON]
    pairs += [*sent("PULSEGENC:START", "*TRG"), ("OUTP1:STAT?", "1"), ("PULSEGENC:STAT?", "1"), *OFF]
    pairs += [("OUTP1:STAT?", "0"), NO_ERROR]
    with over(PG1074, "pulser", "pg1074", pairs) as pulser:
        assert isinstance(pulser, PulseGenerator)
        played = pulser.program(DOUBLE)
        assert played.timing is Timing.EXACT
        for asked, made in zip(DOUBLE.phases, played.phases, strict=True):
            assert made.volts == pytest.approx(asked.volts, abs=1e-6)
            assert made.width_seconds == pytest.approx(asked.width_seconds)
            assert made.gap_seconds == pytest.approx(asked.gap_seconds, rel=1e-3)
            assert made.edge_seconds == EDGE_SECONDS
        assert pulser.is_quiet()
        pulser.fire(1000)
        assert not pulser.is_quiet()
        pulser.off()
        assert pulser.is_quiet()
        assert pulser.errors() == []


def test_a_held_level_is_the_base_line_and_zero_is_quiet(over):
    pairs = [IDN, *PREPARED, *sent(f"{LEVEL}:OFFS -9.500000000e-02 V"), (f"{LEVEL}:LOW?", "-0.1"), *TURNED_ON]
    pairs += [("OUTP1:STAT?", "1"), ("PULSEGENC:STAT?", "0"), ("SOUR1:INV?", "0"), (f"{LEVEL}:LOW?", "-0.1")]
    pairs += [*sent(f"{LEVEL}:OFFS 5.000000000e-03 V"), (f"{LEVEL}:LOW?", "0")]
    pairs += [("OUTP1:STAT?", "1"), ("PULSEGENC:STAT?", "0"), ("SOUR1:INV?", "0"), (f"{LEVEL}:LOW?", "0")]
    pairs += [("OUTP1:STAT OFF", None), ("PULSEGENC:STOP", None), ("*CLS", None), ("OUTP1:STAT?", "0")] * 2
    with over(PG1074, "pulser", "pg1074", pairs) as pulser:
        assert pulser.hold(-0.1) == pytest.approx(-0.1, abs=1e-6)
        assert not pulser.is_quiet()
        assert pulser.hold(0.0) == pytest.approx(0.0, abs=1e-9)
        assert pulser.is_quiet()
        pulser.safe()
        pulser.safe()


@pytest.mark.parametrize(
    ("phases", "reason"),
    [
        ([Phase(PhaseKind.READ, 0.005, 1e-8, 0, 1e-8)], r"a pulse of 0\.005 V.*0\.01 to 5 V"),
        ([Phase(PhaseKind.READ, 5.1, 1e-8, 0, 1e-8)], r"a pulse of 5\.1 V"),
        ([Phase(PhaseKind.READ, 0.5, 0.5e-9, 0, 1e-8)], r"can make 7e-10"),
        ([Phase(PhaseKind.READ, 0.5, 1e-8, 1e-9, 1e-8)], r"edges of 1e-09 s were asked; its edges are fixed at 7e-11"),
        ([Phase(PhaseKind.READ, 0.5, 1e-8, 0, 9.0)], r"a cycle of 9 s"),
        ([Phase(PhaseKind.READ, 0.5, 1e-8, 0, 1e-8)] * 5, r"5 pulses was asked; it plays at most 4.*long_gaps"),
        (SHOT, r"-0\.4, 0\.1, 0\.7 V.*one level.*long_gaps"),
    ],
)
def test_what_it_cannot_make_is_refused_before_anything_is_sent(phases, reason):
    with expected_protocol(PG1074, [IDN]) as pulser, pytest.raises(InstrumentError, match=reason):
        pulser.program(PulsePlan(tuple(phases)))


@pytest.mark.parametrize("over", ["simulated", "hislip", "socket"], indirect=True)
def test_a_plan_whose_gaps_may_stretch_is_played_phase_by_phase(over):
    with over(PG1074, "pulser", "pg1074", []) as pulser:
        played = pulser.program(PulsePlan(SHOT, Timing.AT_LEAST))
        pulser.fire(3)
        assert pulser.errors() == []
        pulser.off()
    assert played.timing is Timing.APART
    assert [phase.volts for phase in played.phases] == pytest.approx([-0.4, 0.7, 0.1])
    assert [phase.width_seconds for phase in played.phases] == pytest.approx([20e-9, 5e-9, 200e-9])
    assert (played.triggers, played.trigger_of(PhaseKind.READ)) == (3, 2)
    start, stop = played.flat_top(PhaseKind.READ)
    assert (start, stop) == (EDGE_SECONDS, pytest.approx(200e-9))


def test_after_a_refusal_the_next_plan_is_loaded_from_scratch_with_the_output_off():
    pairs = [IDN, *LOADED, *READ_BACK, *sent("SOUR1:BURS:NCYC 1"), *TURNED_ON, *sent("PULSEGENC:START")]
    pairs += [("*TRG", None), (":SYST:ERR?", '-211,"Trigger ignored"'), NO_ERROR, *LOADED, *READ_BACK]
    with expected_protocol(PG1074, pairs) as pulser:
        pulser.program(DOUBLE)
        with pytest.raises(InstrumentError, match=r"'\*TRG' was refused: -211"):
            pulser.fire(1)
        with pytest.raises(InstrumentError, match="call program"):
            pulser.fire(1)
        pulser.program(DOUBLE)


def test_a_level_that_reads_back_otherwise_is_noticed():
    pairs = [IDN, *LOADED, *READ_BACK[:2], (f"{LEVEL}:LOW?", "-0.3")]
    with expected_protocol(PG1074, pairs) as pulser, pytest.raises(InstrumentError, match=r"reads back -0\.3 V"):
        pulser.program(DOUBLE)
