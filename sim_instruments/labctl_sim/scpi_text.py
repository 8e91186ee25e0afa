"""The text of SCPI: splitting messages into units, matching headers, reading parameters. No instrument in here.

Whatever bytes come, in lines of any length: the time and memory taken are proportional to the length.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from labctl_sim.status import InstrumentFault

Parameter = str | bytes  # a block arrives as bytes, anything else as text

MAX_PARAMETERS = 1_000_000
MAX_DIGITS = 255  # SCPI-99 21.8: -124 beyond
MAX_CHANNELS = 100_000
_MULTIPLIERS = {
    "": 1.0, "EX": 1e18, "PE": 1e15, "T": 1e12, "G": 1e9, "MA": 1e6, "K": 1e3,
    "M": 1e-3, "U": 1e-6, "N": 1e-9, "P": 1e-12, "F": 1e-15, "A": 1e-18,
}  # fmt: skip
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:\s*[eE]\s*[+-]?\d{1,4})?)\s*([A-Za-z%]*)")
_RADIX = {
    "H": (16, re.compile("[0-9A-Fa-f]+")),
    "Q": (8, re.compile("[0-7]+")),
    "B": (2, re.compile("[01]+")),
}
_HEADER = re.compile(r"\*?[:A-Z0-9_]+\??")
_BLOCK = rb"(?:^|(?<=[\s,]))#(?=[0-9])"  # a block begins only where a parameter begins
_QUOTED = rb"\"[^\"\n]*\"|'[^'\n]*'"  # a quote that does not close on its line is a character like any other
_MARKS = {
    b"\n": re.compile(rb"\n\s*|" + _QUOTED + b"|" + _BLOCK),
    b";": re.compile(rb";[;\s]*|" + _QUOTED + b"|" + _BLOCK),
    b",": re.compile(rb"[,()]|" + _QUOTED + b"|" + _BLOCK),
}


@dataclass(frozen=True)
class Unit:
    """One command of a message: its header as sent, whether it asks, and its parameters."""

    header: str
    is_query: bool
    parameters: tuple[Parameter, ...]


def messages(data: bytes) -> Iterator[bytes]:
    """Program messages in ``data``: a newline ends one, unless it stands in a block or a quoted string."""
    return (text for text in _split(data, b"\n") if not text.isspace() and text)


def units(message: bytes) -> Iterator[bytes]:
    """The message units of one message, separated by semicolons."""
    return (text for text in _split(message, b";") if not text.isspace() and text)


def parse_unit(text: bytes) -> Unit:
    """Header and parameters of one unit; raises InstrumentFault -101, -102, -113, -161 or -223."""
    head, rest = [*text.lstrip().split(None, 1), b""][:2]  # a block may end in white space: never strip the rest
    header = head.decode("latin-1").upper()
    if not header.isascii() or not header.isprintable():
        raise InstrumentFault(-101)
    if _HEADER.fullmatch(header) is None:
        raise InstrumentFault(-113)
    parameters: tuple[Parameter, ...] = ()
    if rest and not rest.isspace():
        parts = list(itertools.islice(_split(rest, b","), MAX_PARAMETERS + 1))
        if len(parts) > MAX_PARAMETERS:
            raise InstrumentFault(-223)
        parameters = tuple(_parameter(part) for part in parts)
    return Unit(header.rstrip("?"), header.endswith("?"), parameters)


def _parameter(text: bytes) -> Parameter:
    text = text.lstrip()
    if text[:1] == b"#" and text[1:2].isdigit():
        digits = int(text[1:2])
        if digits == 0:
            return text[2:].removesuffix(b"\n")  # an indefinite block ends with the message
        length = text[2 : 2 + digits]
        if len(length) < digits or not length.isdigit() or len(text) - 2 - digits < int(length):
            raise InstrumentFault(-161)
        end = 2 + digits + int(length)
        if text[end:].strip():
            raise InstrumentFault(-161)
        return text[2 + digits : end]
    stripped = text.strip()
    if not stripped:
        raise InstrumentFault(-102)
    return stripped.decode("latin-1")


def _split(data: bytes, separator: bytes) -> Iterator[bytes]:
    """Split where ``separator`` is not inside quotes, a block or (if it is a comma) parentheses.

    An endless block takes the rest. Newlines and semicolons take the white space after them along.
    """
    marks = _MARKS[separator]
    start, at, depth = 0, 0, 0
    while (found := marks.search(data, at)) is not None:
        mark, at = found[0][:1], found.end()
        if mark == b"(":
            depth += 1
        elif mark == b")":
            depth = max(depth - 1, 0)
        elif mark == b"#":
            at = block_end(data, found.start())
        elif mark == separator and not depth:
            yield data[start : found.start()]
            start = at
    yield data[start:]


def block_end(data: bytes, start: int) -> int:
    """Where the block whose ``#`` is at ``start`` ends, perhaps beyond the data; an indefinite one ends with them."""
    digits = int(data[start + 1 : start + 2])
    length = data[start + 2 : start + 2 + digits]
    if not digits or not length.isdigit():
        return len(data)
    return start + 2 + digits + int(length)


@cache
def pattern(text: str, *, cut: bool = False) -> tuple[re.Pattern[str], str]:
    """A header pattern such as ``[SOURce#]:VOLTage#[:LEVel]`` as a regular expression and as a full, long header.

    Capitals are the short form, brackets (they nest) are optional nodes, ``#`` is a place for a numeric suffix.
    ``cut`` allows everything between the short and the long form.
    """
    if text.startswith("*"):
        return re.compile(re.escape(text)), text
    expression, full = "", ""
    for bracket, name, suffix in re.findall(r"([\[\]])|:?([A-Za-z]\w*)(#)?", text):
        if bracket:
            expression += {"[": "(?:", "]": ")?"}[bracket]
            continue
        forms = [name.upper(), short(name)]
        if cut and name.upper().startswith(short(name)):
            forms = [name.upper()[:end] for end in range(len(name), len(short(name)) - 1, -1)]
        expression += f":(?:{'|'.join(forms)}){'([0-9]*)' if suffix else ''}"
        full += f":{name.upper()}" + "{}" * bool(suffix)
    return re.compile(expression), full


def number(parameter: Parameter, unit: str = "") -> float:
    """A numeric parameter in SI units: NR1 to NR3, ``#H``/``#B``/``#Q``, multiplier and unit (``20 NS``, ``5mV``).

    Always finite. Raises InstrumentFault -104, -120, -124, -131, -138 or -222.
    """
    if isinstance(parameter, bytes):
        raise InstrumentFault(-104)
    if len(parameter) > MAX_DIGITS:
        raise InstrumentFault(-124 if parameter[:1].isdigit() else -104)
    if parameter[:1] == "#" and parameter[1:2].upper() in _RADIX:
        radix, digits = _RADIX[parameter[1].upper()]
        if digits.fullmatch(parameter[2:]) is None:
            raise InstrumentFault(-120)
        return float(int(parameter[2:], radix))
    match = _NUMBER.fullmatch(parameter)
    if match is None:
        raise InstrumentFault(-120 if parameter[:1].isdigit() else -104)
    value = float("".join(match[1].split())) * _factor(match[2].upper(), unit.upper())
    if abs(value) == float("inf"):
        raise InstrumentFault(-222)
    return value


def _factor(suffix: str, unit: str) -> float:
    if suffix and not unit:
        raise InstrumentFault(-138)
    prefix = suffix.removesuffix(unit)
    if suffix and prefix == suffix:  # neither empty nor ending in the unit
        raise InstrumentFault(-131)
    if prefix == "M" and unit in ("HZ", "OHM"):
        return 1e6  # SCPI-99 7.2: MHZ and MOHM are mega
    if prefix not in _MULTIPLIERS:
        raise InstrumentFault(-131)
    return _MULTIPLIERS[prefix]


def boolean(parameter: Parameter) -> bool:
    """``ON``, ``OFF`` or a number, which is true unless it rounds to 0."""
    word = parameter.upper() if isinstance(parameter, str) else ""
    if word in ("ON", "OFF"):
        return word == "ON"
    return abs(number(parameter)) >= 0.5


def short(name: str) -> str:
    """The capitals of a keyword."""
    return "".join(letter for letter in name if not letter.islower())


def choice(parameter: Parameter, names: tuple[str, ...], *, cut: bool = False) -> str:
    """One of ``names`` (capitals are the short form), as its short form; raises -224, or -104 for a number.

    ``cut`` allows everything between the short and the long form.
    """
    if isinstance(parameter, str):
        text = parameter.upper()
        for name in names:
            if text in (short(name), name.upper()):
                return short(name)
            if cut and text.startswith(short(name)) and name.upper().startswith(text):
                return short(name)
        if parameter[:1].isalpha():
            raise InstrumentFault(-224)
    raise InstrumentFault(-104)


def string(parameter: Parameter) -> str:
    """The text between quotes, in which a doubled quote stands for one; raises -151."""
    if isinstance(parameter, str) and len(parameter) >= 2 and parameter[0] in "\"'" and parameter[-1] == parameter[0]:
        quote, text = parameter[0], parameter[1:-1]
        if quote not in text.replace(quote * 2, ""):
            return text.replace(quote * 2, quote)
    raise InstrumentFault(-151)


def channels(parameter: Parameter, dimensions: int) -> list[tuple[int, ...]]:
    """The channels of a list such as ``(@1!1!1:1!1!4,2!3!4)``, each a tuple of ``dimensions`` numbers, in its order.

    A range counts every dimension from its first to its last number, the last dimension fastest (SCPI-99 8.3.2).
    Raises InstrumentFault -171 for what is no channel list, -223 for an absurdly long one.
    """
    text = parameter if isinstance(parameter, str) else ""
    inside = re.fullmatch(r"\(\s*@(.*)\)", text, re.DOTALL)
    if inside is None:
        raise InstrumentFault(-171)
    found: list[tuple[int, ...]] = []
    for item in inside[1].split(","):
        first, colon, last = item.partition(":")
        begin = _place(first, dimensions)
        ends = _place(last, dimensions) if colon else begin
        axes = [range(a, b + 1) if a <= b else range(a, b - 1, -1) for a, b in zip(begin, ends, strict=True)]
        room = MAX_CHANNELS - len(found)
        for axis in axes:
            room //= len(axis)
        if room < 1:
            raise InstrumentFault(-223)
        found += itertools.product(*axes)
    return found


def _place(text: str, dimensions: int) -> tuple[int, ...]:
    parts = text.split("!")
    if len(parts) != dimensions or any(re.fullmatch(r"\s*[0-9]{1,9}\s*", part) is None for part in parts):
        raise InstrumentFault(-171)
    return tuple(int(part) for part in parts)


def block(data: bytes) -> bytes:
    """``data`` as a definite-length block."""
    length = str(len(data)).encode()
    return b"#%d%s%s" % (len(length), length, data)


def endless_block(data: bytes) -> bytes:
    """``data`` as an indefinite-length block, which must be the last reply of a message."""
    return b"#0" + data
