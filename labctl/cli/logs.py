"""What the log says, where a person looks for it: one handler, and the packages that talk too much told to be quiet."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

from rich.console import Console
from rich.logging import RichHandler

TALKATIVE = ("alembic", "httpx", "pymeasure")
"""Packages whose log lines below a warning are about every message or step of theirs."""


@contextlib.contextmanager
def shown(handler: logging.Handler) -> Iterator[None]:
    """Send what is logged from INFO on to ``handler`` while inside; afterwards all is as it was."""
    root = logging.getLogger()
    before = {logger: logger.level for logger in (root, *map(logging.getLogger, TALKATIVE))}
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for logger, level in before.items():
            logger.setLevel(level)


def above(console: Console) -> logging.Handler:
    """A handler that prints above whatever ``console`` keeps at the bottom, such as a progress bar."""
    return RichHandler(console=console, show_path=False, show_level=False, log_time_format="%H:%M:%S")
