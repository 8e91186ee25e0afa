"""Tektronix MSO oscilloscope (5 series) as a Digitizer: FastFrame records of CH1, triggered at the AUX input.

Facts: 4/5/6 Series MSO programmer manual; what stands here from memory is marked ``[MEM]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from labctl.core.device import Acquisition, Frames, Setting
from labctl.core.errors import InstrumentError, InstrumentTimeout
from labctl_drivers.base import LabInstrument
from labctl_drivers.tektronix_events import failures

DIVISIONS = 10
MOST_SAMPLES_PER_SECOND = 6.25e9
MOST_SAMPLES = 62.5e6  # record memory of the standard model
MOST_FRAMES = 1_000_000  # [MEM], verify
ERROR_BITS = 4 | 8 | 16 | 32  # query, device, execution and command errors of *ESR?


class TektronixMSO(LabInstrument):
    """CH1 of an MSO.

    ``trigger_timeout_seconds`` is how long `fetch` waits for the last of the armed triggers;
    ``termination_ohms`` is the input's own termination, 50 or 1e6.
    """

    models: ClassVar[tuple[str, ...]] = ("MSO54", "MSO56", "MSO58", "MSO44", "MSO46", "MSO64", "MSO66", "MSO68")

    def __init__(
        self,
        adapter: Any,
        name: str = "Tektronix MSO",
        trigger_timeout_seconds: float = 30.0,
        termination_ohms: float = 50.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(adapter, name, **kwargs)
        self.trigger_timeout_seconds = trigger_timeout_seconds
        self.termination_ohms = termination_ohms
        self._acquisition: Acquisition | None = None
        self._volts_per_count = self._zero_counts = 0.0
        self._armed = 0  # frames of the sequence that runs
        self._frames = 0  # frames per sequence, as last set

    def number(self, command: str) -> float:
        """Ask ``command`` and read the last word as a number: with ``HEADer ON`` the reply repeats the command."""
        return float(self.values(command, separator="\0", preprocess_reply=lambda reply: reply.split()[-1])[0])

    def errors(self) -> list[str]:
        """Drain the event queue, which ``*ESR?`` makes readable; notices such as "power on" are no errors."""
        with self.lock:
            if not int(self.number("*ESR?")) & ERROR_BITS:
                return []
            reply = self.ask("ALLEv?")
        return failures(reply) or [f"the event register reports an error, the event queue holds {reply!r}"]

    def capabilities(self) -> Mapping[str, Setting]:
        """Resolution and limits; how many frames fit depends on their length, and `arm` asks the instrument."""
        return {
            "max_sample_rate_hertz": MOST_SAMPLES_PER_SECOND,
            "max_frames": MOST_FRAMES,
            "max_total_samples": int(MOST_SAMPLES),
            "bits": 8,
            "hardware_trigger": True,
        }

    def snapshot(self) -> Mapping[str, Setting]:
        """Vertical and horizontal settings as the instrument reports them."""
        with self.lock:
            return {
                "acquiring": bool(self.number("ACQuire:STATE?")),
                "volts_per_division": self.number("CH1:SCAle?"),
                "offset_volts": self.number("CH1:OFFSet?"),
                "sample_rate_hertz": self.number("HORizontal:SAMPLERate?"),
                "samples": int(self.number("HORizontal:RECOrdlength?")),
                "delay_seconds": self.number("HORizontal:DELay:TIMe?"),
            }

    def configure(self, wanted: Acquisition) -> Acquisition:
        """Set up CH1, the time base and the trigger; returns what reads back.

        ``full_scale_volts`` is the whole span of the screen, from -half to +half.
        """
        self.require("a sample interval", wanted.sample_interval_seconds, 1 / MOST_SAMPLES_PER_SECOND, 1.0, "s")
        self.require("a record", wanted.samples, 1, MOST_SAMPLES, "samples")
        self.require("a full scale", wanted.full_scale_volts, 1e-3, 100.0, "V")
        with self.lock:
            self._acquisition, self._armed, self._frames = None, 0, 0
            for command in self._settings(wanted):
                self.command(command)
            delay = self._place(wanted)
            samples = int(self.number("HORizontal:RECOrdlength?"))
            self.require_same("the record length", wanted.samples, samples, 0, "samples")
            self.require_same("the bytes per sample", 1, self.number("WFMOutpre:BYT_Nr?"), 0, "bytes")
            per_count = self.number("WFMOutpre:YMUlt?")
            # volts = (count - yoff) * ymult + yzero
            self._zero_counts = self.number("WFMOutpre:YOFf?") - self.number("WFMOutpre:YZEro?") / per_count
            self._volts_per_count = per_count
            self._acquisition = Acquisition(
                delay_seconds=delay,
                sample_interval_seconds=self.number("WFMOutpre:XINcr?"),
                samples=samples,
                full_scale_volts=DIVISIONS * self.number("CH1:SCAle?"),
            )
            return self._acquisition

    def arm(self, frames: int) -> None:
        """Start a single sequence of ``frames`` records."""
        with self.lock:
            if self._acquisition is None:
                raise InstrumentError(f"{self.name}: it is not set up; call configure() before arm()")
            self._armed = 0
            if frames != self._frames:
                self._set_frames(frames)
            self.command("ACQuire:STATE ON")
            if not self.number("ACQuire:STATE?"):
                raise InstrumentError(f"{self.name}: it does not start acquiring; look for a message on its screen")
            self._armed = frames

    def fetch(self) -> Frames:
        """Wait for the sequence to end and transfer it."""
        with self.lock:
            acquisition, frames = self._acquisition, self._armed
            if acquisition is None or not frames:
                raise InstrumentError(f"{self.name}: nothing was armed; call arm() before fetch()")
            self._armed = 0
            self._wait(frames)
            data = self.ask_block("CURVe?")
        asked = frames * acquisition.samples
        if len(data) != asked:
            raise InstrumentError(
                f"{self.name}: {frames} records of {acquisition.samples} samples are {asked} bytes, {len(data)} came"
            )
        counts = np.frombuffer(data, np.int8).reshape(frames, acquisition.samples)
        return Frames(counts, self._volts_per_count, self._zero_counts, acquisition)

    def safe(self) -> None:
        """Stop acquiring; it has no output."""
        with self.lock:
            self._armed = self._frames = 0
            self.device_clear()
            self.write("ACQuire:STATE OFF")
            self.write("*CLS")
            if self.number("ACQuire:STATE?"):
                raise InstrumentError(f"{self.name}: it goes on acquiring after 'ACQuire:STATE OFF'")

    def _settings(self, wanted: Acquisition) -> list[str]:
        return [
            "HEADer OFF",
            "ACQuire:STATE OFF",
            f"CH1:TERmination {self.termination_ohms:.9e}",
            "CH1:POSition 0",
            "CH1:OFFSet 0",
            f"CH1:SCAle {wanted.full_scale_volts / DIVISIONS:.9e}",
            "HORizontal:MODE MANual",
            f"HORizontal:SAMPLERate {1 / wanted.sample_interval_seconds:.9e}",
            f"HORizontal:RECOrdlength {wanted.samples}",
            "HORizontal:POSition 0",
            "HORizontal:DELay:MODe ON",
            "HORizontal:FASTframe:STATE ON",
            "TRIGger:A:EDGE:SOUrce AUX",
            "TRIGger:A:MODe NORMal",  # AUTO would make up frames without a trigger
            "ACQuire:MODe SAMple",
            "ACQuire:STOPAfter SEQuence",
            "DATa:SOUrce CH1",
            "DATa:ENCdg RIBinary",
            "DATa:WIDth 1",
            "DATa:STARt 1",
            f"DATa:STOP {wanted.samples}",
        ]

    def _place(self, wanted: Acquisition) -> float:
        # Whether the delay is counted to the first sample or to the middle of the record depends on the model and
        # on the position setting [MEM]: XZEro, the time of the first sample, says what was understood.
        delay = wanted.delay_seconds
        for _ in range(2):
            self.command(f"HORizontal:DELay:TIMe {delay:.9e}")
            found = self.number("WFMOutpre:XZEro?")
            if abs(found - wanted.delay_seconds) <= wanted.sample_interval_seconds:
                return found
            delay += wanted.delay_seconds - found
        raise InstrumentError(
            f"{self.name}: the record starts {found:g} s after the trigger, {wanted.delay_seconds:g} s was asked; "
            "choose a delay that it can make"
        )

    def _set_frames(self, frames: int) -> None:
        self._frames = 0
        most = int(self.number("HORizontal:FASTframe:MAXFRames?"))
        self.require("a sequence", frames, 1, most, "frames")
        self.command(f"HORizontal:FASTframe:COUNt {frames}")
        self.require_same("the frame count", frames, self.number("HORizontal:FASTframe:COUNt?"), 0, "frames")
        self.command("DATa:FRAMESTARt 1")
        self.command(f"DATa:FRAMESTOP {frames}")
        self._frames = frames

    def _wait(self, frames: int) -> None:
        try:
            with self.patience(self.trigger_timeout_seconds):
                self.ask("*OPC?")
        except InstrumentTimeout as error:
            seen = int(self.number("ACQuire:NUMFRAMESACQuired?"))
            self.write("ACQuire:STATE OFF")
            raise InstrumentTimeout(
                f"{self.name}: {seen} of {frames} frames were triggered within {self.trigger_timeout_seconds:g} s; "
                "check the trigger cable from the pulser to the AUX input, and that as many cycles were fired"
            ) from error
        seen = int(self.number("ACQuire:NUMFRAMESACQuired?"))
        if seen != frames:
            raise InstrumentError(f"{self.name}: it stopped after {seen} of {frames} frames; was it stopped by hand?")
