"""Sources as procedures get them: volts at the junction, and nothing beyond the envelope is ever sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from labctl.bench.envelope import READ_BACK_SLACK, Limits, check_amps, check_dc, check_plan
from labctl.bench.exposure import Exposure
from labctl.core.device import Device, Identity, PulseGenerator, Reading, Setting, Source, SourceMeter
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
        return self._device.capabilities()

    def snapshot(self) -> Mapping[str, Setting]:
        """Its settings as it reports them now, at its own terminals."""
        return self._device.snapshot()

    def errors(self) -> list[str]:
        """Drain its error queue."""
        return self._device.errors()

    def safe(self) -> None:
        """Bring it to rest."""
        self._device.safe()

    def close(self) -> None:
        """Nothing: the bench opened the connection and closes it."""


class _GuardedSource(Observed):
    """What both guarded sources share; ``exposure`` is that of the whole bench, None if there is no other source."""

    def __init__(self, source: Source, limits: Limits, role: str, exposure: Exposure | None) -> None:
        super().__init__(source)
        self._role = role
        self._source = source
        self._limits = limits
        self._exposure = exposure or Exposure(limits)

    def safe(self) -> None:
        """Bring it to rest."""
        self._source.safe()
        self._exposure.rest(self._role)

    def is_quiet(self) -> bool:
        """True if the instrument itself reports its output off or at zero volts."""
        return self._source.is_quiet()

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

    def capabilities(self) -> Mapping[str, Setting]:
        """What it can do; what it says in volts is turned into volts at the junction."""
        return {
            name: value * self._gain if name.endswith("_volts") and isinstance(value, int | float) else value
            for name, value in self._pulser.capabilities().items()
        }

    def program(self, plan: PulsePlan) -> PulsePlan:
        """Check ``plan``, load it, check what reads back; returns that, in volts at the junction.

        Raises EnvelopeError before anything is sent if the plan is beyond the envelope.
        """
        check_plan(plan, self._limits)
        volts = [phase.volts for phase in plan.phases]
        self._exposure.admit(self._role, min(volts), max(volts), pulsed=True)
        played = self._pulser.program(plan.scaled(1 / self._gain)).scaled(self._gain)
        with self._off_on_violation():
            check_plan(played, self._limits, READ_BACK_SLACK)
        return played

    def fire(self, cycles: int) -> None:
        """Start ``cycles`` cycles of the plan that was checked."""
        self._pulser.fire(cycles)

    def hold(self, volts: float) -> float:
        """Check ``volts``, hold them, check what reads back; returns that, in volts at the junction."""
        check_dc(volts, self._limits)
        self._exposure.admit(self._role, volts, volts)
        held = self._pulser.hold(volts / self._gain) * self._gain
        with self._off_on_violation():
            check_dc(held, self._limits, READ_BACK_SLACK)
        return held

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
        check_dc(volts, self._limits)
        check_amps(limit_amps, self._limits)
        self._exposure.admit(self._role, volts, volts)
        applied = self._smu.apply_volts(volts, limit_amps)
        with self._off_on_violation():
            check_dc(applied, self._limits, READ_BACK_SLACK)
        return applied

    def apply_amps(self, amps: float, limit_volts: float) -> float:
        """Check and source ``amps``; returns the level read back."""
        check_amps(amps, self._limits)
        check_dc(limit_volts, self._limits)
        reach = abs(limit_volts) if amps else 0.0  # a source of 0 A is a voltmeter: it adds nothing
        self._exposure.admit(self._role, -reach, reach)
        applied = self._smu.apply_amps(amps, limit_volts)
        with self._off_on_violation():
            check_amps(applied, self._limits, READ_BACK_SLACK)
        return applied

    def measure(self) -> Reading:
        """One reading."""
        return self._smu.measure()

    def off(self) -> None:
        """Level to zero, output off."""
        self._smu.off()
        self._exposure.rest(self._role)
