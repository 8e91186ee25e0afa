"""One procedure, one bench, one run: pass the roles, carry what is yielded to a sink, stop when told to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from labctl.core.clock import Clock, WallClock
from labctl.core.errors import ParameterError
from labctl.core.procedure import Artifact, Harvest, Items, Progress, Record, roles

FLUSH_SECONDS = 0.25
"""Longest time that a record waits in memory while a procedure goes on."""


class Sink(Protocol):
    """Where the results of a run go. Any method may raise Cancelled or LeaseLost to stop the run."""

    def records(self, records: Sequence[Record]) -> None:
        """Keep these, in this order."""
        ...

    def harvest(self, harvest: Harvest) -> None:
        """Deposit these bits."""
        ...

    def artifact(self, artifact: Artifact) -> None:
        """Keep this file."""
        ...

    def progress(self, progress: Progress) -> None:
        """Tell whoever waits."""
        ...


def run(procedure: Any, offered: Mapping[str, Any], sink: Sink, clock: Clock | None = None) -> None:
    """Run ``procedure`` with the roles it asks for out of ``offered`` and carry everything it yields to ``sink``.

    However it ends, what it had yielded is handed to the sink first, and the procedure's generator is closed.
    Raises ParameterError if a role is missing, else whatever the procedure or the sink raises.
    """
    wanted = roles(type(procedure))
    missing = [role for role in wanted if role not in offered]
    if missing:
        raise ParameterError(
            f"{type(procedure).__name__} needs {', '.join(wanted)}, and this bench lacks {', '.join(missing)}; "
            f"it has {', '.join(sorted(offered)) or 'nothing'}. Add the instrument to the station file"
        )
    items: Items = procedure.run(**{role: offered[role] for role in wanted})
    pending = _Pending(sink, clock or WallClock())
    try:
        for item in items:
            match item:
                case Record():
                    pending.add(item)
                case Progress():
                    sink.progress(item)
                case Harvest():
                    pending.flush()
                    sink.harvest(item)
                case Artifact():
                    sink.artifact(item)
                case _:
                    raise TypeError(f"a procedure yields Record, Harvest, Artifact or Progress, not {item!r}")
    except BaseException as error:
        # what was measured before the failure is kept; if that fails too, the first error is still the error
        try:
            pending.flush()
        except Exception as second:  # noqa: BLE001 - noted on the first, whatever it is
            error.add_note(f"and the last records could not be kept: {second}")
        raise
    else:
        pending.flush()
    finally:
        close = getattr(items, "close", None)
        if close is not None:
            close()


class _Pending:
    """Records on their way to the sink, sent in batches."""

    def __init__(self, sink: Sink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._records: list[Record] = []
        self._since = clock.now()

    def add(self, record: Record) -> None:
        self._records.append(record)
        if self._clock.now() - self._since > FLUSH_SECONDS or len(self._records) >= 1000:
            self.flush()

    def flush(self) -> None:
        if self._records:
            records, self._records = self._records, []
            self._sink.records(records)
        self._since = self._clock.now()
