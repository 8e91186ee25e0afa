"""Sources as procedures get them: volts at the junction, and nothing beyond the envelope is ever sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral

from labctl.bench.envelope import READ_BACK_SLACK, check_amps, check_dc, check_plan, stress_volt_seconds
from labctl.bench.exposure import Exposure
from labctl.bench.limits import Limits
from labctl.core.device import ArrayPort, Device, Identity, PulseGenerator, Reading, Setting, Source, SourceMeter
from labctl.core.errors import EnvelopeError
from labctl.core.pulses import PulsePlan


class Observed:
    """A device to look at: identity, capabilities, settings and errors. It can be made safe, and nothing else."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def identify(self) -> Identity:
        """Ask the instrument who it is."""
        return self._device.identify()

    def capabilities(self) -> Mapping[str, Setting]:
        """What it can do, in its own units at its own terminals."""
        return dict(self._device.capabilities())

    def snapshot(self) -> Mapping[str, Setting]:
        """Its settings as it reports them now, at its own terminals."""
        return dict(self._device.snapshot())

    def errors(self) -> list[str]:
        """Drain its error queue."""
        return self._device.errors()

    def safe(self) -> None:
        """Bring it to rest."""
        self._device.safe()

    def close(self) -> None:
        """Nothing: the bench opened the connection and closes it."""


class ObservedMatrix(Observed):
    """The matrix of an array: its relays move as the array's do, only while every source is quiet."""

    def __init__(self, matrix: Device, array: ArrayPort) -> None:
        super().__init__(matrix)
        self._array = array

    def safe(self) -> None:
        """Every line to ground; raises EnvelopeError, and moves no relay, while a source is live."""
        self._array.route({})


class _GuardedSource(Observed):
    """What both guarded sources share; ``exposure`` is that of the whole bench, None if there is no other source."""

    def __init__(self, source: Source, limits: Limits, role: str, exposure: Exposure | None) -> None:
        super().__init__(source)
        self._role = role
        self._source = source
        self._exposure = exposure or Exposure(limits)

    def safe(self) -> None:
        """Bring it to rest."""
        self._source.safe()
        self.forget()

    def forget(self) -> None:
        """Someone else has brought it to rest."""
        self._exposure.rest(self._role)

    def is_quiet(self) -> bool:
        """True if the instrument itself reports its output off or at zero volts."""
        return self._source.is_quiet()

    def _check_dc(self, volts: float, slack: float = 0.0) -> None:
        for way in self._exposure.ways(self._role):
            check_dc(way * volts, self._exposure.limits, slack)

    @contextmanager
    def _off_on_violation(self) -> Iterator[None]:
        """A read-back beyond the envelope: the source goes to rest, the violation stays the error."""
        try:
            yield
        except EnvelopeError as error:
            try:
                self._source.safe()
            except Exception as second:  # noqa: BLE001 - noted on the first, whatever it is
                error.add_note(f"and turning the source off failed: {second}")
            raise


class GuardedPulser(_GuardedSource):
    """A PulseGenerator in volts at the junction; ``gain`` is volts there per volt on the front panel."""

    def __init__(
        self,
        pulser: PulseGenerator,
        limits: Limits,
        gain: float,
        role: str = "pulser",
        exposure: Exposure | None = None,
    ) -> None:
        super().__init__(pulser, limits, role, exposure)
        self._pulser = pulser
        self._gain = gain
        self._played: PulsePlan | None = None  # as read back, checked
        self._cleared: tuple[Limits, tuple[float, ...]] | None = None  # for what it was last checked

    def capabilities(self) -> Mapping[str, Setting]:
        """What it can do; what it says in volts is turned into volts at the junction."""
        return {
            name: value * self._gain if name.endswith("_volts") and isinstance(value, int | float) else value
            for name, value in self._pulser.capabilities().items()
        }

    def forget(self) -> None:
        """Someone else has brought it to rest; what it had loaded counts for nothing."""
        super().forget()
        self._played = self._cleared = None

    def program(self, plan: PulsePlan) -> PulsePlan:
        """Check ``plan``, load it, check what reads back; returns that, in volts at the junction.

        Raises EnvelopeError before anything is sent if the plan is beyond the envelope.
        """
        self._check_plan(plan)
        self._admit(plan)
        self._played = self._cleared = None
        played = self._pulser.program(plan.scaled(1 / self._gain)).scaled(self._gain)
        with self._off_on_violation():
            self._check_plan(played, READ_BACK_SLACK)
        self._played = played
        return played

    def fire(self, cycles: int) -> None:
        """Start ``cycles`` cycles of the plan that was checked: it is again, for relays and sources as they are now.

        Raises EnvelopeError before anything is sent if it is beyond the envelope, or if there is no such plan.
        """
        played, limits = self._played, self._exposure.limits
        if played is None:
            raise EnvelopeError(
                f"{self._role} was told to fire, and no plan has been checked since it was last at rest or held a "
                "level; call program() first"
            )
        if not isinstance(cycles, Integral) or cycles < 1:
            raise EnvelopeError(f"{self._role} was told to fire {cycles!r} cycles; give a whole number from 1")
        found = (limits, self._exposure.ways(self._role))
        if found != self._cleared:
            self._check_plan(played, READ_BACK_SLACK)
            self._cleared = found
        self._admit(played)
        self._exposure.spend(cycles * stress_volt_seconds(played, limits))
        self._pulser.fire(cycles)

    def hold(self, volts: float) -> float:
        """Check ``volts``, hold them, check what reads back; returns that, in volts at the junction."""
        self._check_dc(volts)
        self._exposure.admit(self._role, volts, volts)
        self._played = None
        held = self._pulser.hold(volts / self._gain) * self._gain
        with self._off_on_violation():
            self._check_dc(held, READ_BACK_SLACK)
        return held

    def _check_plan(self, plan: PulsePlan, slack: float = 0.0) -> None:
        for way in self._exposure.ways(self._role):
            check_plan(plan.scaled(way), self._exposure.limits, slack)

    def _admit(self, plan: PulsePlan) -> None:
        volts = [phase.volts for phase in plan.phases]
        self._exposure.admit(self._role, min(volts), max(volts), pulsed=True)

    def off(self) -> None:
        """Stop playing and turn the output off."""
        self._pulser.off()
        self._exposure.rest(self._role)


class GuardedSourceMeter(_GuardedSource):
    """A SourceMeter whose levels and limits are checked; its terminals are the junction's."""

    def __init__(self, smu: SourceMeter, limits: Limits, role: str = "smu", exposure: Exposure | None = None) -> None:
        super().__init__(smu, limits, role, exposure)
        self._smu = smu

    def apply_volts(self, volts: float, limit_amps: float) -> float:
        """Check and source ``volts``; returns the level read back."""
        self._check_dc(volts)
        check_amps(limit_amps, self._exposure.limits)
        self._exposure.admit(self._role, volts, volts)
        applied = self._smu.apply_volts(volts, limit_amps)
        with self._off_on_violation():
            self._check_dc(applied, READ_BACK_SLACK)
        return applied

    def apply_amps(self, amps: float, limit_volts: float) -> float:
        """Check and source ``amps``; returns the level read back."""
        check_amps(amps, self._exposure.limits)
        for sign in (1.0, -1.0):  # a compliance holds in both directions, whatever the sign of the current
            check_dc(sign * limit_volts, self._exposure.limits)
        reach = abs(limit_volts) if amps else 0.0  # a source of 0 A is a voltmeter: it adds nothing
        self._exposure.admit(self._role, -reach, reach)
        applied = self._smu.apply_amps(amps, limit_volts)
        with self._off_on_violation():
            check_amps(applied, self._exposure.limits, READ_BACK_SLACK)
        return applied

    def measure(self) -> Reading:
        """One reading."""
        return self._smu.measure()

    def off(self) -> None:
        """Level to zero, output off."""
        self._smu.off()
        self._exposure.rest(self._role)
