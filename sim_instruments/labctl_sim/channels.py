"""One command table for instruments that have a channel number in their headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from labctl_sim.scpi import Call, Command
from labctl_sim.scpi_table import run
from labctl_sim.status import InstrumentFault


def channel_of(call: Call, channels: int, nodes: int | None = None) -> int:
    """The channel that the header names, from 1 (also when it names none); raises -114 if there is no such one.

    The first ``nodes`` numbers of the header are the channel's, by default all of them.
    """
    named = {number for number in call.suffixes[:nodes] if number}
    number = max(named, default=1)
    if len(named) > 1 or number > channels:
        raise InstrumentFault(-114)
    return number


def per_channel(
    tables: Sequence[list[Command]],
    also: Callable[[int], Sequence[int]] = lambda number: (number,),
    nodes: int | None = None,
) -> list[Command]:
    """One table from the channels' own, which have the same rows: each call goes to the channel that it names.

    ``also`` says which channels a setting made on one is for (coupled channels); ``nodes`` as in `channel_of`.
    """
    return [_merged(row, also, nodes) for row in zip(*tables, strict=True)]


def _merged(row: Sequence[Command], also: Callable[[int], Sequence[int]], nodes: int | None) -> Command:
    setters = [command.set for command in row if command.set is not None]
    askers = [command.ask for command in row if command.ask is not None]

    def write(call: Call) -> None:
        for number in also(channel_of(call, len(row), nodes)):
            run(setters[number - 1], call)

    def ask(call: Call) -> Any:
        return run(askers[channel_of(call, len(row), nodes) - 1], call)

    return replace(row[0], set=write if setters else None, ask=ask if askers else None)
