"""Where each name of a simulated instrument's table is from, and which are still to be seen at a real instrument.

A source is a document's tag and a page or section in it (``K24-360``, ``488.2 10.14``). A tag alone names an open
driver or a list of commands (``PM``, ``TMD``): there is such a name, but who knows what it does. ``MEM`` is memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

_WITH_PAGE = re.compile(r".*[- ]\d")


class Documented(Protocol):
    """A panel with a table: TSP names by name, or SCPI commands with their patterns."""

    def table(self) -> Mapping[str, Any] | Sequence[Any]:
        """Its lines: each has a ``page``, and ``verify`` where even that is doubted."""
        ...


def sources(panel: Documented) -> dict[str, tuple[str, bool]]:
    """The source of every name, and whether it is sure."""
    table = panel.table()
    lines = table if isinstance(table, Mapping) else {line.pattern: line for line in table}
    return {
        name: (line.page, _WITH_PAGE.match(line.page) is not None and not line.verify) for name, line in lines.items()
    }


def to_verify(panel: Documented) -> dict[str, str]:
    """The names that no page of a manual vouches for and their sources, for a session at the real one to tick off."""
    return {name: page for name, (page, sure) in sources(panel).items() if not sure}
