"""The text of SCPI: splitting messages into units, matching headers, reading parameters. No instrument in here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from labctl_sim.status import InstrumentFault

Parameter = str | bytes  # a block arrives as bytes, anything else as text

_MULTIPLIERS = {"": 1.0, "G": 1e9, "MA": 1e6, "K": 1e3, "M": 1e-3, "U": 1e-6, "N": 1e-9, "P": 1e-12}
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:\s*[eE]\s*[+-]?\d{1,4})?)\s*([A-Za-z%]*)")
_RADIX = {"H": 16, "Q": 8, "B": 2}


@dataclass(frozen=True)
class Unit:
    """One command of a message: its header as sent, whether it asks, and its parameters."""

    header: str
    is_query: bool
    parameters: tuple[Parameter, ...]


def messages(data: bytes) -> list[bytes]:
    """Program messages in ``data``: a newline ends one, unless it stands in a block or a quoted string."""
    return [text for text in _split(data, b"\n") if text.strip()]


def units(message: bytes) -> list[bytes]:
    """The message units of one message, separated by semicolons."""
    return [text for text in _split(message, b";") if text.strip()]


def parse_unit(text: bytes) -> Unit:
    """Header and parameters of one unit; raises InstrumentFault -101, -102, -113 or -161."""
    head, rest = [*text.lstrip().split(None, 1), b""][:2]  # a block may end in white space: never strip the rest
    header = head.decode("latin-1").upper()
    if not header.isascii() or not header.isprintable():
        raise InstrumentFault(-101)
    if re.fullmatch(r"\*?[:A-Z0-9_]+\??", header) is None:
        raise InstrumentFault(-113)
    parameters = tuple(_parameter(part) for part in _split(rest, b",")) if rest.strip() else ()
    return Unit(header.rstrip("?"), header.endswith("?"), parameters)


def _parameter(text: bytes) -> Parameter:
    text = text.lstrip()
    if text[:1] == b"#" and text[1:2].isdigit():
        digits = int(text[1:2])
        if digits == 0:
            return text[2:]
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


def _split(data: bytes, separator: bytes) -> list[bytes]:
    """Split where ``separator`` is neither inside quotes nor inside a block; an endless block takes the rest."""
    if b"#" not in data and b'"' not in data and b"'" not in data:
        return data.split(separator)
    parts, start, at, quote = [], 0, 0, b""
    fresh = True  # at the start of a parameter, the only place where a block may begin
    while at < len(data):
        here = data[at : at + 1]
        if quote:
            quote = b"" if here == quote else quote
        elif here in (b'"', b"'"):
            quote = here
        elif here == b"#" and fresh and data[at + 1 : at + 2].isdigit():
            digits = int(data[at + 1 : at + 2])
            length = data[at + 2 : at + 2 + digits]
            at += 1 + digits + (int(length) if digits and length.isdigit() else len(data))
        elif here == separator:
            parts.append(data[start:at])
            start = at + 1
        fresh = here in (b" ", b",", b"\t", b"\n") or (fresh and here.isspace())
        at += 1
    parts.append(data[start:])
    return parts


@cache
def pattern(text: str) -> tuple[re.Pattern[str], str]:
    """A header pattern such as ``[SOURce#]:VOLTage#[:LEVel]`` as a regular expression and as a full, long header.

    Capitals are the short form, brackets are optional nodes, ``#`` is a place for a numeric suffix.
    """
    if text.startswith("*"):
        return re.compile(re.escape(text)), text
    expression, full = "", ""
    for optional, name, suffix in re.findall(r"(\[)?:?([A-Za-z]\w*)(#)?", text):
        short = "".join(letter for letter in name if not letter.islower())
        node = f":(?:{name.upper()}|{short}){'([0-9]*)' if suffix else ''}"
        expression += f"(?:{node})?" if optional else node
        full += f":{name.upper()}" + "{}" * bool(suffix)
    return re.compile(expression), full


def number(parameter: Parameter, unit: str = "") -> float:
    """A numeric parameter in SI units: NR1 to NR3, ``#H``/``#B``/``#Q``, multiplier and unit (``20 NS``, ``5mV``).

    Raises InstrumentFault -104, -120 or -131.
    """
    if isinstance(parameter, bytes):
        raise InstrumentFault(-104)
    if parameter[:1] == "#" and parameter[1:2].upper() in _RADIX:
        try:
            return float(int(parameter[2:], _RADIX[parameter[1].upper()]))
        except (ValueError, OverflowError):
            raise InstrumentFault(-120) from None
    match = _NUMBER.fullmatch(parameter)
    if match is None:
        raise InstrumentFault(-120 if parameter[:1].isdigit() else -104)
    return float(match[1].replace(" ", "")) * _factor(match[2].upper(), unit.upper())


def _factor(suffix: str, unit: str) -> float:
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


def choice(parameter: Parameter, names: tuple[str, ...]) -> str:
    """One of ``names`` (capitals are the short form), as its short form; raises -224, or -104 for a number."""
    if isinstance(parameter, str):
        for name in names:
            short = "".join(letter for letter in name if not letter.islower())
            if parameter.upper() in (short, name.upper()):
                return short
        if parameter[:1].isalpha():
            raise InstrumentFault(-224)
    raise InstrumentFault(-104)


def string(parameter: Parameter) -> str:
    """The text between quotes; raises -151."""
    if isinstance(parameter, str) and len(parameter) >= 2 and parameter[0] in "\"'" and parameter[-1] == parameter[0]:
        return parameter[1:-1]
    raise InstrumentFault(-151)


def block(data: bytes) -> bytes:
    """``data`` as a definite-length block."""
    length = str(len(data)).encode()
    return b"#%d%s%s" % (len(length), length, data)
