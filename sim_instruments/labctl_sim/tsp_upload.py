"""A script on its way into a TSP instrument: the lines between ``loadscript`` and ``endscript``."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LONGEST_SCRIPT = 1_000_000  # bytes

_FIRST_LINE = re.compile(r"\s*(loadscript|loadandrunscript)\b[ \t]*(\S*)\s*")
_NAME = re.compile(r"[A-Za-z_]\w*|")


@dataclass
class Upload:
    """``runs`` says whether it is to be run once it is there; the name of the anonymous script is empty."""

    name: str
    runs: bool
    lines: list[str] = field(default_factory=list)
    size: int = 0

    @classmethod
    def begun_by(cls, line: str) -> Upload | None:
        """The upload that ``line`` begins, if it does."""
        found = _FIRST_LINE.fullmatch(line)
        return None if found is None else cls(found[2], found[1] == "loadandrunscript")

    def ends(self, line: str) -> bool:
        """Take a line in; True if it was the last."""
        if line.strip() == "endscript":
            return True
        self.lines.append(line)
        self.size += len(line) + 1
        return False

    @property
    def is_too_long(self) -> bool:
        """Whether it needs more memory than there is."""
        return self.size > LONGEST_SCRIPT

    @property
    def has_legal_name(self) -> bool:
        """Whether a script can have that name."""
        return _NAME.fullmatch(self.name) is not None

    @property
    def text(self) -> str:
        """The script so far."""
        return "\n".join(self.lines)
