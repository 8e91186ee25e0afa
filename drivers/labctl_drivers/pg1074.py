"""Active Technologies PG-1074 pulse generator, channel 1, as a PulseGenerator.

A plan of one to four pulses of one level is one cycle of its SINGLE to QUADRUPLE mode; other plans are played phase by
phase where they allow it (`pieces.py`). Edges are fixed. Volts are those into 50 ohm. At rest the output stands at the
base line, which is 0 V here, also while the generator is stopped [MEM].
Command facts: an open driver for it (PYI); what stands here from memory is marked ``[MEM]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from labctl.core.device import Setting
from labctl.core.errors import InstrumentError
from labctl.core.pulses import Phase, PulsePlan
from labctl_drivers.base import close_enough
from labctl_drivers.pieces import PieceGenerator
from labctl_drivers.scpi import ScpiInstrument

MODES = ("SINGLE", "DOUBLE", "TRIPLE", "QUADRUPLE")
EDGE_SECONDS = 70e-12  # data sheet [MEM]
LEAST_WIDTH_SECONDS = 0.7e-9  # PYI
LEAST_LEVEL_VOLTS = 10e-3  # PYI: the least amplitude
MOST_LEVEL_VOLTS = 5.0  # [MEM]
MOST_DC_VOLTS = 4.9  # a base line, above which there is room for the least pulse
MOST_SECONDS = 8.0  # [MEM]
MOST_CYCLES = 2_147_483_647  # [MEM]
RESOLUTION_SECONDS = 20e-12  # of a read-back [MEM]
LEVEL = "SOUR1:VOLT:LEV:IMM"


class PG1074(PieceGenerator, ScpiInstrument):
    """The PG-1074."""

    models: ClassVar[tuple[str, ...]] = ("PG-1074",)

    def __init__(self, adapter: Any, name: str = "PG-1074", **kwargs: Any) -> None:
        super().__init__(adapter, name, **kwargs)
        self.forget()

    def forget(self) -> None:
        """Believe nothing of the instrument; what comes next begins with its output off."""
        super().forget()
        self._sign = 0  # of the pulses that the levels are set for; 0: a constant level, or nothing is known
        self._on = False
        self._running = False

    def capabilities(self) -> Mapping[str, Setting]:
        """Limits into 50 ohm."""
        return {
            "max_burst_cycles": MOST_CYCLES,
            "max_phases": len(MODES),
            "min_width_seconds": LEAST_WIDTH_SECONDS,
            "edge_seconds": EDGE_SECONDS,
            "max_period_seconds": MOST_SECONDS,
            "min_volts": LEAST_LEVEL_VOLTS,
            "max_volts": MOST_LEVEL_VOLTS,
        }

    def snapshot(self) -> Mapping[str, Setting]:
        """Output, levels, polarity, mode and trigger as the instrument reports them."""
        with self.lock:
            return {
                "output": self._is_on(),
                "running": self._switch("PULSEGENC:STAT?"),
                "high_volts": self.number(f"{LEVEL}:HIGH?"),
                "low_volts": self.number(f"{LEVEL}:LOW?"),
                "inverted": self._switch("SOUR1:INV?"),
                "pulse_mode": self.ask("OUTP1:PULS:MODE?"),
                "period_seconds": self.number("SOUR1:PER?"),
                "trigger_mode": self.ask("TRIG:MODE?"),
                "trigger_source": self.ask("TRIG:SOUR?"),
                "cycles_per_trigger": int(self.number("SOUR1:BURS:NCYC?")),
            }

    def check(self, plan: PulsePlan) -> None:
        """Levels, widths, edges and times that it can make."""
        for phase in plan.phases:
            self.require("a pulse", abs(phase.volts), LEAST_LEVEL_VOLTS, MOST_LEVEL_VOLTS, "V in size")
            self.require("the width of a pulse", phase.width_seconds, LEAST_WIDTH_SECONDS, MOST_SECONDS, "s")
            if not phase.edge_seconds <= EDGE_SECONDS * (1 + 1e-9):
                raise InstrumentError(
                    f"{self.name}: edges of {phase.edge_seconds:g} s were asked; its edges are fixed at "
                    f"{EDGE_SECONDS:g} s, and steeper ones than asked are not played unasked. Ask for edges of at most "
                    f"{EDGE_SECONDS:g} s, or use a generator whose edges can be set"
                )
        self.require("a cycle", plan.period_seconds, 0.0, MOST_SECONDS, "s")

    def too_much(self, plan: PulsePlan) -> str | None:
        """More than four pulses, or pulses of more than one level."""
        if len(plan.phases) > len(MODES):
            return f"a cycle of {len(plan.phases)} pulses was asked; it plays at most {len(MODES)} as one"
        levels = sorted({phase.volts for phase in plan.phases})
        if len(levels) > 1:
            asked = ", ".join(f"{volts:g}" for volts in levels)
            return f"pulses of {asked} V in one cycle were asked; the pulses of its cycle have one level"
        return None

    def load(self, piece: PulsePlan) -> None:
        """Stopped, at the base line: level, pulses and period."""
        if self._on and self._sign:
            self._stop()
        else:
            self._prepare()
        self._set_level(piece.phases[0].volts)
        self.command(f"OUTP1:PULS:MODE {MODES[len(piece.phases) - 1]}")
        *begins, period = _begins(piece)
        for number, (phase, begin) in enumerate(zip(piece.phases, begins, strict=True), 1):
            self.command(f"SOUR1:PULS{number}:WID {phase.width_seconds:.9e} S")
            self.command(f"SOUR1:PULS{number}:DEL {begin:.9e} S")
        self.command(f"SOUR1:PER {period:.9e} S")

    def read_back(self, piece: PulsePlan) -> PulsePlan:
        """The pulses as the instrument reports them."""
        inverted = self._switch("SOUR1:INV?")
        high, low = self.number(f"{LEVEL}:HIGH?"), self.number(f"{LEVEL}:LOW?")
        base, top = (high, low) if inverted else (low, high)
        asked = piece.phases[0].volts
        tolerance = close_enough(asked, 0.01, 2e-3)
        self.require_same("the level of the pulses", asked, top, tolerance, "V")
        self.require_same("the base line", 0.0, base, 1e-3, "V")
        *asked_begins, asked_period = _begins(piece)
        begins = [
            self._same("the begin of a pulse", f"SOUR1:PULS{number}:DEL?", begin)
            for number, begin in enumerate(asked_begins, 1)
        ]
        widths = [
            self._same("the width of a pulse", f"SOUR1:PULS{number}:WID?", phase.width_seconds)
            for number, phase in enumerate(piece.phases, 1)
        ]
        period = self._same("the period", "SOUR1:PER?", asked_period)
        ends = [begin + width + EDGE_SECONDS for begin, width in zip(begins, widths, strict=True)]
        gaps = [max(0.0, after - end) for end, after in zip(ends, [*begins[1:], period], strict=True)]
        return PulsePlan(
            tuple(
                Phase(phase.kind, top - base, width, EDGE_SECONDS, gap)
                for phase, width, gap in zip(piece.phases, widths, gaps, strict=True)
            )
        )

    def start(self, cycles: int) -> None:
        """Output on and armed if need be, then ``*TRG``: one that it ignores is in its error queue."""
        self.require("a burst", cycles, 1, MOST_CYCLES, "cycles")
        self.command(f"SOUR1:BURS:NCYC {cycles}")
        self._turn_on()
        if not self._running:
            self.command("PULSEGENC:START")
            self._running = True
        self.command("*TRG")

    def wait(self) -> None:
        """``*OPC?`` answers when the burst is over [MEM]."""
        self.ask("*OPC?")

    def hold(self, volts: float) -> float:
        """Put the base line of the stopped generator at ``volts``; returns what reads back."""
        with self.lock:
            self.require("a constant level", volts, -MOST_DC_VOLTS, MOST_DC_VOLTS, "V")
            self._loaded, self._pieces = None, ()
            if self._sign or not self._on:
                self._prepare()
            self.command(f"{LEVEL}:OFFS {volts + LEAST_LEVEL_VOLTS / 2:.9e} V")
            found = self.number(f"{LEVEL}:LOW?")
            self.require_same("the constant level", volts, found, close_enough(volts, 0.01, 2e-3), "V")
            self._turn_on()
            return found

    def off(self) -> None:
        """Output off and stopped; verified by ``OUTP1:STAT?``."""
        with self.lock:
            self._loaded, self._on = None, False
            self.command("OUTP1:STAT OFF")
            self._stop()
            self._require_off()

    def is_quiet(self) -> bool:
        """True if the output is off, or the generator stopped with its base line at zero."""
        with self.lock:
            if not self._is_on():
                return True
            if self._switch("PULSEGENC:STAT?"):
                return False  # armed, it may be playing, and nothing tells
            base = self.number(f"{LEVEL}:HIGH?" if self._switch("SOUR1:INV?") else f"{LEVEL}:LOW?")
            return abs(base) < 1e-6  # the arithmetic of levels, not its resolution

    def safe(self) -> None:
        """Output off at once, then whatever else stood in the queue is dropped, then verified."""
        with self.lock:
            self.forget()
            self.write("OUTP1:STAT OFF")  # first, and without looking at old errors
            self.write("PULSEGENC:STOP")
            self.clear()
            self._require_off()

    def _prepare(self) -> None:
        # Nothing is known of the levels, or they mean something else: with the output off, to the least amplitude.
        self.off()
        self._sign = 0
        self.command("SOUR1:LOAD:COMP OFF")  # arithmetic only: with it on, the same number would be another voltage
        self.command(f"{LEVEL}:OFFS {0:.9e} V")
        self.command(f"SOUR1:VOLT:AMPL {LEAST_LEVEL_VOLTS:.9e} V")
        self.command("SOUR1:INV OFF")
        for setting in ("SOUR1:INITDEL 0 S", "TRIG:MODE BURST", "TRIG:SOUR MAN"):
            self.command(setting)

    def _set_level(self, volts: float) -> None:
        sign = 1 if volts > 0 else -1
        top = f"{LEVEL}:{'HIGH' if sign > 0 else 'LOW'}"
        if sign != self._sign:
            # To the least amplitude about zero before base and top change places, as PYI does: the base line then
            # moves by half of it, 5 mV, and by nothing else.
            if self._sign:
                self.command(f"{LEVEL}:{'HIGH' if self._sign > 0 else 'LOW'} {self._sign * LEAST_LEVEL_VOLTS:.9e} V")
            self.command(f"{LEVEL}:OFFS {0:.9e} V")
            self.command(f"SOUR1:INV {'OFF' if sign > 0 else 'ON'}")
            self.command(f"{LEVEL}:OFFS {sign * LEAST_LEVEL_VOLTS / 2:.9e} V")
            self._sign = sign
        self.command(f"{top} {volts:.9e} V")

    def _turn_on(self) -> None:
        if self._on:
            return
        self.command("OUTP1:STAT ON")
        if not self._is_on():
            raise InstrumentError(
                f"{self.name}: its output does not stay on; look for a short or an external voltage on the cable"
            )
        self._on = True

    def _stop(self) -> None:
        self.command("PULSEGENC:STOP")
        self._running = False

    def _require_off(self) -> None:
        if self._is_on():
            raise InstrumentError(
                f"{self.name}: its output is still on after 'OUTP1:STAT OFF'; disconnect the sample or switch it off "
                "by hand"
            )

    def _is_on(self) -> bool:
        return self._switch("OUTP1:STAT?")

    def _switch(self, question: str) -> bool:
        reply = self.ask(question).upper()
        if reply not in ("0", "1", "OFF", "ON"):
            raise InstrumentError(f"{self.name}: answered {reply!r} to {question!r}, which is neither on nor off")
        return reply in ("1", "ON")

    def _same(self, what: str, question: str, asked: float) -> float:
        found = self.number(question)
        self.require_same(what, asked, found, close_enough(asked, 1e-3, RESOLUTION_SECONDS), "s")
        return found


def _begins(piece: PulsePlan) -> list[float]:
    """When each pulse begins, and the period, in seconds; the gaps are kept, whatever edges were asked."""
    found = [0.0]
    for phase in piece.phases:
        found.append(found[-1] + phase.width_seconds + EDGE_SECONDS + phase.gap_seconds)
    return found
