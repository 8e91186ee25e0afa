"""A run without a service: the same steps as an agent's, written straight into the ledger of a home folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pandas as pd
from filelock import FileLock, Timeout

from labctl.core.bits import Drawn, Origin
from labctl.core.errors import IllegalTransition, LedgerError, NotFound
from labctl.core.procedure import Artifact, Harvest, Progress, Record
from labctl.ledger.engine import Ledger, alone, migrate, open_ledger
from labctl.ledger.values import State

LEASE_SECONDS = 86_400.0
"""Nobody waits for this job at a queue; if the process dies, the next one to take the bench finds it interrupted."""


class LocalRun:
    """One job, submitted, claimed and run by this process: a Sink for its results and a BitBank for what it spends.

    Raises IllegalTransition on entering if an agent on this machine owns the bench, DatabaseError if a service runs
    on this home: only one process at a time writes to a ledger.
    """

    def __init__(self, home: Path, bench: str, procedure: str, parameters: Mapping[str, Any]) -> None:
        self._home = home
        self._bench = bench
        self._procedure = procedure
        self._parameters = parameters
        self._ends = ExitStack()
        self._ledger: Ledger
        self._sequence = 0
        self._epoch: int | None = None
        self.job_id = ""

    def __enter__(self) -> Self:
        lock = FileLock(self._home / "agents" / f"{self._bench}.lock")
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        try:
            self._ends.enter_context(lock.acquire(timeout=0))
        except Timeout:
            raise IllegalTransition(
                f"an agent is serving the bench {self._bench!r} ({lock.lock_file}), and a bench has one master; "
                f"submit the job to it with `labctl submit {self._procedure}`, or stop the agent first"
            ) from None
        self._ends.enter_context(alone(self._home))
        migrate(self._home)
        self._ledger = self._ends.enter_context(open_ledger(self._home))
        return self

    def start(self, provenance: dict[str, Any], origin: Origin, digest: str, roles: Iterable[str]) -> None:
        """Write down the job and that it runs now."""
        agent = f"local-{os.getpid()}-{secrets.token_hex(4)}"
        self._ledger.leases.register(self._bench, agent, origin, digest, roles)
        self.job_id = self._ledger.jobs.submit(self._bench, self._procedure, self._parameters).id
        claimed = self._ledger.leases.claim(self._bench, agent, LEASE_SECONDS, job=self.job_id)
        if claimed is None:
            raise NotFound(f"the job {self.job_id} was taken by somebody else before it could start; try again")
        self._epoch = claimed.epoch
        self._ledger.leases.start(self.job_id, claimed.epoch, provenance)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._ends:
            if self._epoch is None:
                return
            outcome = State.SUCCEEDED
            if error is not None:
                outcome = State.FAILED if isinstance(error, Exception) else State.INTERRUPTED
            try:
                self._ledger.leases.finish(self.job_id, self._epoch, outcome, None if error is None else str(error))
            except LedgerError as second:
                if error is None:
                    raise
                error.add_note(f"and the end of job {self.job_id} could not be written down: {second}")

    def records(self, records: Sequence[Record]) -> None:
        """Keep these records."""
        self._ledger.runs.append_records(self.job_id, self._held(), self._sequence, records)
        self._sequence += len(records)

    def harvest(self, harvest: Harvest) -> None:
        """Deposit these bits."""
        self._ledger.bits.deposit(
            self.job_id, self._held(), harvest.bits, harvest.row, harvest.col, harvest.healthy, harvest.details
        )

    def artifact(self, artifact: Artifact) -> None:
        """Keep this file."""
        self._ledger.runs.add_artifact(self.job_id, self._held(), artifact)

    def progress(self, progress: Progress) -> None:
        """Note how far it is."""
        self._ledger.leases.heartbeat(self.job_id, self._held(), progress)

    def draw_bits(self, n_bits: int, *, purpose: str, accept_simulated: bool) -> Drawn:
        """Draw from this ledger."""
        drawn = self._ledger.bits.draw(n_bits, f"job {self.job_id}", purpose, accept_simulated)
        return Drawn(drawn.id, self._ledger.bits.take(drawn.id))

    def frame(self) -> pd.DataFrame:
        """The records so far, one row each, with their kind."""
        return self._ledger.runs.records_frame(self.job_id)

    def save(self, folder: Path) -> list[Path]:
        """Copy the files that the procedure made into ``folder``; returns their paths."""
        saved = []
        for entry in self._ledger.runs.artifacts(self.job_id):
            folder.mkdir(parents=True, exist_ok=True)
            saved.append(folder / entry.name)
            saved[-1].write_bytes(self._ledger.runs.artifact(self.job_id, entry.name)[1])
        return saved

    def _held(self) -> int:
        if self._epoch is None:
            raise IllegalTransition("the run has not started")
        return self._epoch
