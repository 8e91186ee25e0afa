"""Signals that end a command, made into one KeyboardInterrupt, so that benches are made safe on the way out."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


def ending() -> list[signal.Signals]:
    """The signals of this system that ask a program to end."""
    return [getattr(signal, name) for name in NAMES if hasattr(signal, name)]


@contextlib.contextmanager
def as_interrupt(doing: str) -> Iterator[None]:
    """Within the block the first such signal raises KeyboardInterrupt; later ones only say what is being done.

    An impatient second Ctrl-C must not interrupt what the first one started.
    """

    def patience(_number: int, _frame: FrameType | None) -> None:
        sys.stderr.write(f"{doing}, one moment\n")

    def first(number: int, frame: FrameType | None) -> None:
        for other in ending():
            signal.signal(other, patience)
        patience(number, frame)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, first) for number in ending()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
