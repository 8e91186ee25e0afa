"""Where in a TOML file a key stands: ``tomllib`` does not say, but it says which beginnings of the file have it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from labctl.bench.tables import Mistake


def listed(mistakes: Iterable[str], text: str) -> str:
    """The mistakes found in ``text``, one a line, each with the line of the file that it is about."""
    found = []
    for mistake in mistakes:
        line = line_of(text, mistake.path) if isinstance(mistake, Mistake) else None
        found.append(f"  {mistake}" if line is None else f"  line {line}: {mistake}")
    return "\n".join(found)


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """The line (from 1) on which the statement begins that brings the key at ``path`` into the TOML document ``text``.

    For a key that is not there, that of the innermost table around it that is; None if there is none.

    >>> line_of("[limits]\\n# at the junction\\namps = [\\n1]\\n", ("limits", "amps"))
    3
    """
    lines = re.findall(r"[^\n]*\n|[^\n]+$", text)
    whole = tomllib.loads(text)
    wanted = next((path[:depth] for depth in range(len(path), 0, -1) if _has(whole, path[:depth])), None)
    if wanted is None:
        return None

    def content(end: int) -> Mapping[str, Any] | None:
        try:
            return tomllib.loads("".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            return None  # this beginning ends within a value

    without, having = 0, len(lines)  # beginnings that are whole, and do not have the key, and have it
    while having - without > 1:
        end = (without + having) // 2
        while end > without and content(end) is None:
            end -= 1
        if end == without:  # all up to the middle end within one value: go on behind it
            end = (without + having) // 2 + 1
            while content(end) is None:
                end += 1
            if end == having:
                break
        if _has(content(end), wanted):
            having = end
        else:
            without = end
    return without + 1


def _has(content: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(content, Mapping) or key not in content:
            return False
        content = content[key]
    return True
