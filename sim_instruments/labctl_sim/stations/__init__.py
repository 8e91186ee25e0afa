"""Stations that we ship: files to run at once, and to copy and edit."""

from __future__ import annotations

from pathlib import Path


def demo() -> Path:
    """The station of the README and of CI: an 8 x 8 array, wholly simulated."""
    return Path(__file__).parent / "demo.toml"
