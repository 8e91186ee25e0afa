"""Golden transcripts that we ship, one per instrument; their format is told in labctl/bench/transcript.py."""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent


def keithley2400() -> Path:
    """Source-meter, SCPI."""
    return HERE / "keithley2400.txt"


def keithley2636b() -> Path:
    """Source-meter, TSP."""
    return HERE / "keithley2636b.txt"


def keithley7001() -> Path:
    """Switch matrix, SCPI."""
    return HERE / "keithley7001.txt"


def keithley707b() -> Path:
    """Switch matrix, TSP."""
    return HERE / "keithley707b.txt"


def keysight81160a() -> Path:
    """Pulse generator."""
    return HERE / "keysight81160a.txt"


def pg1074() -> Path:
    """Pulse generator of the other dialect."""
    return HERE / "pg1074.txt"


def redpitaya() -> Path:
    """Digitizer of the other dialect."""
    return HERE / "redpitaya.txt"


def tektronixmso() -> Path:
    """Digitizer."""
    return HERE / "tektronixmso.txt"
