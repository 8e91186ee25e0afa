r"""Golden transcripts: what an instrument must answer to what it is asked, in a text file that people can read.

::

    # a comment, wherever a line begins with it
    needs nothing connected to its terminals      what a person must see to first; shown before anything is sent
    ends \r\n                                     how a reply ends, if not with \n

    [errors]                                      a section, with a name
    > :SOUR:VOLT 500                              send these bytes and a newline
    > :SYST:ERR?
    < -222,"Parameter data out of range"          read one reply, which must be these bytes
    > *IDN?
    ~ KEITHLEY INSTRUMENTS INC.,MODEL 2400,{serial},{firmware}
    > *IDN
    timeout 0.5                                   there must be no reply within so many seconds
    stb 4                                         the serial poll must give 4 ...
    stb 64 mask 64                                ... or these bits of it
    clear                                         send a device clear
    trigger                                       send a bus trigger
    wait 0.2                                      let seconds pass

    [unread replies] not on stream, hislip        a section that some connections cannot carry: no notion of reading
    [readings]
    live > :OUTP ON                               turns an output on or moves a relay
    > :READ?
    ~ {0.05 +- 1%},{number},{number},{number},{status}

    [finally]                                     sent at the end, whatever happened before

In bytes, ``\n``, ``\r``, ``\t``, ``\\`` and ``\x00`` mean what they mean in Python. In a ``~`` line, ``{0.05 +- 1%}``
and ``{3.3 +- 0.2}`` are a number within a tolerance, ``{number}`` is any number, ``{0|1}`` is one of several texts,
``{bytes 16}`` is so many bytes of any value, ``{rest}`` goes to the end of the line, and any other word in braces is
some text without commas and semicolons. A section in which one step is live is live as a whole; in [finally], a live
step is sent when live sections were. ``stream`` is a raw socket or a serial line, ``hislip`` is HiSLIP.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from labctl.core.errors import ParameterError

FINALLY = "finally"
KINDS = ("stream", "hislip")
_SECTION = re.compile(r"\[(?P<name>[^\]]+)\](?:\s+not on (?P<kinds>.+))?")
_STEP = re.compile(r"(?P<live>live\s+)?(?P<kind>[><~]|timeout|stb|clear|trigger|wait)(?:$| (?P<text>.*))")
_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
_PLAIN = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_WITHIN = re.compile(rf"({_NUMBER})\s*\+-\s*({_NUMBER})\s*(%?)")
_STATUS = re.compile(r"(\d+)(?:\s+mask\s+(\d+))?")


@dataclass(frozen=True)
class Step:
    """One line that does something: ``kind`` is the word or mark that it begins with, ``text`` the rest."""

    line: int
    kind: str
    text: str
    live: bool

    @property
    def data(self) -> bytes:
        """The bytes that a ``>`` or ``<`` line stands for, without a terminator."""
        return unescape(self.text).encode("latin-1")

    @property
    def seconds(self) -> float:
        """What a ``wait`` or ``timeout`` line says, 0 if nothing."""
        return float(self.text or 0.0)

    @property
    def status(self) -> tuple[int, int]:
        """What a ``stb`` line says: the value, and the bits that count."""
        found = _STATUS.fullmatch(self.text)
        assert found is not None  # noqa: S101 - parse() let no other through
        return int(found[1]), int(found[2] or 255)

    @property
    def written(self) -> str:
        """The step as it stands in the file, without its mark of being live."""
        return f"{self.kind} {self.text}".rstrip()


@dataclass(frozen=True)
class Section:
    """Steps under one name; what one section leaves behind, the next one finds."""

    name: str
    line: int
    not_on: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def written(self) -> str:
        """How reports call it."""
        return f"[{self.name}]"

    @property
    def live(self) -> bool:
        """Whether it turns outputs on or moves relays."""
        return any(step.live for step in self.steps)


@dataclass(frozen=True)
class Transcript:
    """One file. ``ends`` is how each reply ends."""

    name: str
    needs: tuple[str, ...]
    ends: bytes
    sections: tuple[Section, ...]


def parse(text: str, name: str) -> Transcript:
    """Read a transcript; ``name`` is how reports call it.

    Raises ParameterError, naming the line, for what is not in the format.
    """
    needs: list[str] = []
    ends = b"\n"
    sections: list[tuple[str, int, tuple[str, ...], list[Step]]] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        try:
            if (title := _SECTION.fullmatch(line)) is not None:
                sections.append((title["name"].strip(), number, _kinds(title["kinds"]), []))
            elif not sections and line.startswith("needs "):
                needs.append(line.removeprefix("needs ").strip())
            elif not sections and line.startswith("ends "):
                ends = unescape(line.removeprefix("ends ").strip()).encode("latin-1")
            elif not sections:
                raise ValueError("before the first [section] only 'needs' and 'ends' may stand")
            else:
                sections[-1][-1].append(_step(line, number))
        except ValueError as error:
            raise ParameterError(f"{name}, line {number}: {line!r} is not understood: {error}") from error
    done = tuple(Section(title, number, kinds, tuple(steps)) for title, number, kinds, steps in sections)
    if not done:
        raise ParameterError(f"{name} is no transcript: it has no [section]; see `labctl conform --help`")
    return Transcript(name, tuple(needs), ends, done)


def _kinds(text: str | None) -> tuple[str, ...]:
    kinds = tuple(kind.strip() for kind in text.split(",")) if text else ()
    for kind in kinds:
        if kind not in KINDS:
            raise ValueError(f"there is no connection of kind {kind!r}; known are {', '.join(KINDS)}")
    return kinds


def _step(line: str, number: int) -> Step:
    found = _STEP.fullmatch(line)
    if found is None:
        raise ValueError("a line begins with one of: > < ~ timeout stb clear trigger wait; after that comes a space")
    step = Step(number, found["kind"], found["text"] or "", found["live"] is not None)
    if step.kind in "><":
        step.data  # noqa: B018 - raises here and now what would be raised in the middle of a run
    elif step.kind == "~":
        Pattern(step.text)
    elif step.kind in ("timeout", "wait"):
        step.seconds  # noqa: B018 - as above
    elif step.kind == "stb" and _STATUS.fullmatch(step.text) is None:
        raise ValueError("write 'stb 64' or 'stb 64 mask 64'")
    return step


class Pattern:
    """A ``~`` line: compares a reply with text, fields and tolerances."""

    def __init__(self, text: str) -> None:
        self._limits: list[tuple[float, float]] = []
        self.least = 0
        expression = ""
        for literal, field in _pieces(text):
            plain = unescape(literal)
            expression += re.escape(plain)
            self.least += len(plain)
            expression += self._field(field.strip()) if field is not None else ""
        self._expression = re.compile(expression, re.DOTALL)

    def matches(self, reply: bytes) -> bool:
        """Whether ``reply``, without its end, is what the line allows."""
        found = self._expression.fullmatch(reply.decode("latin-1"))
        if found is None:
            return False
        return all(low <= float(text) <= high for text, (low, high) in zip(found.groups(), self._limits, strict=True))

    def _field(self, field: str) -> str:
        within = _WITHIN.fullmatch(field)
        if within is not None:
            centre, width = float(within[1]), float(within[2])
            width *= abs(centre) / 100 if within[3] else 1
            self._limits.append((centre - width, centre + width))
            return rf"({_NUMBER})"
        if field == "number":
            return rf"(?:{_NUMBER})"
        if field == "rest":
            return r"[^\r\n]*"
        if "|" in field:
            return "(?:" + "|".join(re.escape(unescape(one)) for one in field.split("|")) + ")"
        counted = re.fullmatch(r"bytes (\d+)", field)
        if counted is not None:
            self.least += int(counted[1])
            return rf".{{{int(counted[1])}}}"
        if re.fullmatch(r"[a-z][a-z ]*", field) is None:
            raise ValueError(f"{{{field}}} is no field; a number with a tolerance is written {{0.05 +- 1%}}")
        return r"[^,;\r\n]+"


def _pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """Literal text and the field after it, if one comes."""
    at = 0
    for field in re.finditer(r"\{([^{}]*)\}", text):
        yield text[at : field.start()], field[1]
        at = field.end()
    yield text[at:], None


def unescape(text: str) -> str:
    """``text`` with its backslashes resolved, one character per byte; raises ValueError."""

    def one(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] not in _PLAIN:
            raise ValueError(f"\\{found[2]} means nothing; known are \\n \\r \\t \\\\ and \\x00 to \\xff")
        return _PLAIN[found[2]]

    if not text.isascii():
        raise ValueError("bytes above 127 are written \\x80 to \\xff")
    return _ESCAPE.sub(one, text)


def escape(data: bytes) -> str:
    """Bytes as a transcript writes them."""
    special = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}
    return "".join(
        special.get(char) or (char if " " <= char <= "~" else f"\\x{ord(char):02x}") for char in data.decode("latin-1")
    )
