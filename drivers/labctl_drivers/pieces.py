"""Pulse plans on generators that play few pulses at a time: as one piece, or phase by phase if the plan allows it."""

from __future__ import annotations

from abc import abstractmethod

from labctl.core.errors import InstrumentError
from labctl.core.pulses import PulsePlan, Timing
from labctl_drivers.base import LabInstrument


class PieceGenerator(LabInstrument):
    """``program`` and ``fire`` of a PulseGenerator whose hardware plays one *piece*: a plan that ``too_much`` accepts.

    A plan that is no piece is played phase after phase, each loaded and triggered by itself, with milliseconds of
    messages in between. That is another experiment unless the plan says that its gaps may last longer, so without
    ``Timing.AT_LEAST`` it is refused. Every phase is loaded and read back once before the first one is played.
    """

    _pieces: tuple[PulsePlan, ...] = ()
    _loaded: PulsePlan | None = None

    def program(self, plan: PulsePlan) -> PulsePlan:
        """Load ``plan``; returns it as it will be played: read back, and with the timing ``APART`` if in pieces."""
        with self.lock:
            self.check(plan)
            reason = self.too_much(plan)
            if reason is not None and plan.timing is Timing.EXACT:
                raise InstrumentError(
                    f"{self.name}: {reason}. Change the plan, use a generator with arbitrary waveforms, or, if the "
                    "junction keeps its state for milliseconds, allow longer gaps (Timing.AT_LEAST; long_gaps of a "
                    "procedure), and the phases are played one by one"
                )
            pieces = (plan,) if reason is None else tuple(PulsePlan((phase,)) for phase in plan.phases)
            self._pieces = ()
            try:
                played = [self._load_verified(piece) for piece in pieces]
            except Exception:
                self.forget()
                raise
            self._pieces = pieces
            phases = tuple(phase for piece in played for phase in piece.phases)
            return PulsePlan(phases, Timing.EXACT if reason is None else Timing.APART)

    def fire(self, cycles: int) -> None:
        """Play ``cycles`` cycles: one burst, or phase by phase, returning when the last phase is over."""
        with self.lock:
            if not self._pieces:
                raise InstrumentError(f"{self.name}: there is no plan to play; call program() first")
            try:
                if len(self._pieces) == 1:
                    self._load(self._pieces[0])
                    self.start(cycles)
                    return
                for _ in range(cycles):
                    for piece in self._pieces:
                        self._load(piece)
                        self.start(1)
                        self.wait()
            except Exception:
                self.forget()
                raise

    def _load(self, piece: PulsePlan) -> None:
        if piece != self._loaded:
            self.load(piece)
            self._loaded = piece

    def _load_verified(self, piece: PulsePlan) -> PulsePlan:
        self._load(piece)
        return self.read_back(piece)

    def forget(self) -> None:
        """Believe nothing of the instrument: something went wrong, and the next plan is loaded from scratch."""
        self._pieces = ()
        self._loaded = None

    @abstractmethod
    def check(self, plan: PulsePlan) -> None:
        """Raise InstrumentError naming the limit if a phase of ``plan`` cannot be made at all; sends nothing."""

    @abstractmethod
    def too_much(self, plan: PulsePlan) -> str | None:
        """Why ``plan`` is not one piece, as half a sentence; None if it is."""

    @abstractmethod
    def load(self, piece: PulsePlan) -> None:
        """Set the instrument up for ``piece``; nothing is played, the output rests at 0 V or is off."""

    @abstractmethod
    def read_back(self, piece: PulsePlan) -> PulsePlan:
        """The loaded ``piece`` as the instrument reports it; raises InstrumentError if that is another one."""

    @abstractmethod
    def start(self, cycles: int) -> None:
        """Play ``cycles`` cycles of what is loaded, back to back; returns at once."""

    @abstractmethod
    def wait(self) -> None:
        """Return when what was started is over."""
