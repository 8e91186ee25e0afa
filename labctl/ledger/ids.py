"""Names for jobs, segments and draws: short, and in the order in which they were made."""

from __future__ import annotations

import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_TIME_LETTERS = 11
_CHANCE_BITS = 25


def next_id(now: datetime, latest: str | None) -> str:
    """A new name that sorts after ``latest``: 11 letters of microseconds since 1970, then 5 of chance.

    The chance makes names from two ledgers differ; it is no secret and spends none of the lab's bits.
    A clock that stands still or steps back only makes the names count on by one.

    >>> next_id(datetime.fromisoformat("2026-01-01T00:00:00Z"), None)[:11]
    '01jxcmt5780'
    """
    moment = int(now.timestamp() * 1_000_000)
    if latest is not None:
        moment = max(moment, _number(latest[:_TIME_LETTERS]) + 1)
    value = moment << _CHANCE_BITS | secrets.randbits(_CHANCE_BITS)
    letters = _TIME_LETTERS + _CHANCE_BITS // 5
    return "".join(_ALPHABET[value >> 5 * place & 31] for place in reversed(range(letters)))


def _number(letters: str) -> int:
    value = 0
    for letter in letters:
        value = value << 5 | _ALPHABET.index(letter)
    return value
