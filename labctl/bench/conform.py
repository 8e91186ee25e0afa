"""Run a golden transcript against an instrument, real or simulated, and note every difference."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labctl.bench.transcript import FINALLY, Pattern, Section, Step, Transcript, escape, parse
from labctl.bench.visa import Visa
from labctl.core import plugins
from labctl.core.errors import InstrumentError, InstrumentGone, InstrumentTimeout, ParameterError

TRANSCRIPTS = "labctl.transcripts"
_SHOWN_BYTES = 200


@dataclass(frozen=True)
class Difference:
    """A place where the instrument did something else; ``asked`` are the steps since its last good answer."""

    section: str
    line: int
    asked: tuple[str, ...]
    expected: str
    found: str


@dataclass
class Report:
    """What came out. ``compared`` counts answers and silences, right or wrong."""

    compared: int = 0
    differences: list[Difference] = field(default_factory=list)
    refused: list[Section] = field(default_factory=list)
    """Live sections, of which nothing was sent."""
    impossible: list[Step | Section] = field(default_factory=list)
    """What this kind of connection cannot carry, such as a serial poll on a raw socket."""

    @property
    def agrees(self) -> bool:
        """Whether the instrument did all that it was asked as written."""
        return not self.differences

    def unified(self, transcript: str, address: str) -> str:
        """The differences as people know them from ``diff -u``, with line numbers of the transcript."""
        if self.agrees:
            return ""
        lines = [f"--- {transcript}", f"+++ {address}"]
        for one in self.differences:
            lines += [f"@@ line {one.line} [{one.section}] @@", *(f" {step}" for step in one.asked)]
            lines += [f"-{one.expected}", f"+{one.found}"]
        return "\n".join(lines) + "\n"


def load(model: str, file: Path | None = None) -> Transcript:
    """The transcript in ``file``, or else the one that is shipped for ``model``.

    Raises PartNotFound, or ParameterError for a file that cannot be read.
    """
    path: Path = file if file is not None else plugins.resolve(TRANSCRIPTS, model)()
    try:
        text = path.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise ParameterError(f"the transcript {path} cannot be read: {error}") from error
    return parse(text, path.name)


def conform(visa: Visa, address: str, transcript: Transcript, *, allow_live: bool = False) -> Report:
    """Play ``transcript`` to the instrument at ``address``; nothing of a live section is sent unless allowed.

    Whatever happens, the section [finally] is sent at the end, its live steps only if they are allowed.

    Raises InstrumentGone when the connection is lost.
    """
    report = Report()
    player = _Player(visa, address, transcript.ends, report)
    try:
        for section in transcript.sections:
            if section.name == FINALLY:
                continue
            if player.kind in section.not_on:
                report.impossible.append(section)
            elif section.live and not allow_live:
                report.refused.append(section)
            else:
                player.play(section)
    finally:
        with suppress(InstrumentGone):  # said already, if it went before
            for section in transcript.sections:
                if section.name == FINALLY:
                    player.play(section, live=allow_live)
        player.close()
    return report


class _Player:
    """One connection on which steps are done one after the other."""

    def __init__(self, visa: Visa, address: str, ends: bytes, report: Report) -> None:
        self._clock = visa.clock
        self._adapter = visa.open("the instrument", address)
        self._ends = ends
        self._report = report
        self._asked: list[str] = []
        if self._connection.read_termination is not None:
            self.kind = "stream"  # no end of message but the newline
        else:
            self.kind = "hislip" if "HISLIP" in address.upper() else "messages"

    def close(self) -> None:
        self._adapter.close()

    def play(self, section: Section, *, live: bool = True) -> None:
        self._asked.clear()
        for step in section.steps:
            if step.live and not live:
                continue
            if step.kind == ">":
                self._connection.write_raw(step.data + b"\n")
            elif step.kind == "wait":
                self._clock.sleep(step.seconds)
            elif step.kind == "timeout":
                self._compare(section, step, self._read(step, step.seconds))
            elif step.kind in "<~":
                self._compare(section, step, self._read(step, None))
            else:
                self._beside_the_messages(section, step)
            if step.kind not in ("<", "~", "timeout", "stb"):
                self._asked.append(step.written)

    @property
    def _connection(self) -> Any:
        return self._adapter.connection

    def _beside_the_messages(self, section: Section, step: Step) -> None:
        """Device clear, trigger, serial poll: not every connection has them."""
        try:
            if step.kind == "clear":
                self._clear()
                return
            if step.kind == "trigger":
                self._connection.assert_trigger()
                return
            value = int(self._connection.read_stb())
        except (InstrumentTimeout, InstrumentGone):
            raise
        except (InstrumentError, NotImplementedError):  # the latter is pyvisa-py's word for it
            self._report.impossible.append(step)
            return
        expected, mask = step.status
        self._note(section, step, value & mask == expected, f"stb {value & mask}")

    def _clear(self) -> None:
        self._connection.clear()

    def _read(self, step: Step, seconds: float | None) -> bytes | None:
        """One reply with its end, None if none comes in time."""
        patience = self._connection.timeout
        if seconds:
            self._connection.timeout = 1000 * seconds
        try:
            reply = bytes(self._connection.read_raw())
            if not reply:  # pyvisa-py's way to say timeout on some connections
                return None
            while self._goes_on(step, reply):
                reply += bytes(self._connection.read_raw())
        except InstrumentTimeout:
            return None
        finally:
            self._connection.timeout = patience
        return reply

    def _goes_on(self, step: Step, reply: bytes) -> bool:
        """Without an end of message, a newline inside a block looks like its end: read on up to the length asked."""
        if self.kind != "stream" or not reply.startswith(b"#") or step.kind == "timeout":
            return False
        least = Pattern(step.text).least if step.kind == "~" else len(step.data)
        return len(reply) < least + len(self._ends)

    def _compare(self, section: Section, step: Step, reply: bytes | None) -> None:
        if reply is None:
            self._note(section, step, step.kind == "timeout", "(no reply)")
            if step.kind != "timeout":
                self._recover()
            return
        body = reply.removesuffix(self._ends)
        ended = body != reply
        if step.kind == "timeout":
            right = False
        elif step.kind == "~":
            right = ended and Pattern(step.text).matches(body)
        else:
            right = ended and body == step.data
        self._note(section, step, right, _shown(body, ended=ended))

    def _recover(self) -> None:
        """After a missing reply: let a late one not be taken for the next."""
        try:
            self._clear()
        except InstrumentGone:
            raise
        except (InstrumentError, NotImplementedError):
            return  # this connection has no device clear

    def _note(self, section: Section, step: Step, right: bool, found: str) -> None:
        self._report.compared += 1
        if not right:
            self._report.differences.append(
                Difference(section.name, step.line, tuple(self._asked), step.written, found)
            )
        self._asked.clear()


def _shown(reply: bytes, *, ended: bool) -> str:
    """A reply as a report shows it; what is wrong with its end is said."""
    text = escape(reply[:_SHOWN_BYTES]) + (f"... ({len(reply)} bytes)" if len(reply) > _SHOWN_BYTES else "")
    return f"< {text}" + ("" if ended else "   (which ends in another way than the transcript says)")
