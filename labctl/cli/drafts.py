"""Files that appear when they are whole, and whose disk may fail without what they were written from being lost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path


class Draft:
    """A text file that is written beside ``path`` and moved there by ``keep``.

    A fault of the disk waits in ``fault``: whoever writes for hours wants to say what was found before it ends all.

    Raises OSError where nothing can be written to begin with.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.fault: OSError | None = None
        self._scratch = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        self._file = self._scratch.open("w", encoding="utf-8")

    def write(self, text: str) -> None:
        """Add ``text``."""
        self._try(lambda: self._file.write(text))

    def keep(self) -> None:
        """All is written: from here on the file is there."""
        self._try(self._file.close)
        self._try(lambda: self._scratch.replace(self.path))

    def drop(self) -> None:
        """Leave nothing of what was not kept."""
        with contextlib.suppress(OSError):
            self._file.close()
        self._scratch.unlink(missing_ok=True)

    def _try(self, action: Callable[[], object]) -> None:
        if self.fault is None:
            try:
                action()
            except OSError as error:
                error.filename = error.filename or str(self.path)
                self.fault = error


@contextlib.contextmanager
def drafted(*paths: Path | None) -> Iterator[list[Draft | None]]:
    """A draft of each path; what is not kept within the block leaves nothing. Ends with the first fault, if any."""
    drafts: list[Draft | None] = []
    try:
        for path in paths:
            drafts.append(None if path is None else Draft(path))
        yield drafts
    finally:
        for draft in drafts:
            if draft is not None:
                draft.drop()
    for draft in drafts:
        if draft is not None and draft.fault is not None:
            raise draft.fault
