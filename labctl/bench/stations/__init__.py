"""Stations that come with labctl, each a function that gives the path of its file."""

from __future__ import annotations

from pathlib import Path


def sampler() -> Path:
    """A station without instruments: a queue for work that needs no bench."""
    return Path(__file__).with_name("sampler.toml")
