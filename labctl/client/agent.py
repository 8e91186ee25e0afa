"""The service as a bench agent uses it."""

from __future__ import annotations

import base64
import os
import platform
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from labctl.client.http import Http
from labctl.client.values import BenchEntry, read
from labctl.core.bits import Origin
from labctl.core.clock import Clock
from labctl.core.procedure import Artifact, Harvest, Progress, Record


@dataclass(frozen=True)
class ClaimedJob:
    """A job that is this agent's as long as it is heard of every ``lease_seconds``; ``epoch`` signs what it says."""

    id: str
    bench: str
    procedure: str
    parameters: dict[str, Any]
    epoch: int
    lease_seconds: float


@dataclass(frozen=True)
class Beat:
    """The answer to a heartbeat: whether to stop, and how long the lease holds from when the beat was sent."""

    cancel: bool
    lease_seconds: float


class AgentClient:
    """The service at ``base_url``, for one agent; ``agent`` is a name that no other process has ever had.

    Whatever it says about a job raises LeaseLost once the job is no longer its own: make the instruments safe then.
    """

    def __init__(
        self, base_url: str, agent: str | None = None, clock: Clock | None = None, key: str | None = None
    ) -> None:
        self.agent = agent or f"{platform.node() or 'agent'}-{os.getpid()}-{secrets.token_hex(4)}"
        self._http = Http(base_url, clock, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connection."""
        self._http.close()

    def register(self, bench: str, *, origin: Origin, station_digest: str, roles: Iterable[str]) -> BenchEntry:
        """Take the bench; an earlier agent's job on it becomes interrupted."""
        body = {
            "agent": self.agent,
            "origin": str(origin),
            "station_digest": station_digest,
            "roles": list(roles),
        }
        answer = self._http.request("PUT", f"/v1/agent/benches/{bench}", repeatable=True, body=body)
        return read(BenchEntry, answer.json())

    def claim(self, bench: str, wait_seconds: float = 0.0) -> ClaimedJob | None:
        """The next job, waiting for one; None when there was none. Asking again is safe: the same job comes back."""
        answer = self._http.request(
            "POST",
            f"/v1/agent/benches/{bench}/claim",
            repeatable=True,
            body={"agent": self.agent, "wait_seconds": wait_seconds},
            timeout_seconds=30.0 + wait_seconds,
        )
        return None if answer.status_code == 204 else read(ClaimedJob, answer.json())

    def start(self, job: str, epoch: int, provenance: Mapping[str, Any]) -> None:
        """The job begins: from here on it may have an effect on the sample."""
        self._say(job, "start", epoch, {"provenance": dict(provenance)})

    def heartbeat(self, job: str, epoch: int, progress: Progress | None = None, timeout_seconds: float = 5.0) -> Beat:
        """Renew the lease; said once, since the next beat is due anyway."""
        body: dict[str, Any] = {}
        if progress is not None:
            body = {"done": progress.done, "total": progress.total, "unit": progress.unit}
        said = self._say(job, "heartbeat", epoch, body, repeatable=False, timeout_seconds=timeout_seconds)
        return Beat(said["cancel"], said["lease_seconds"])

    def records(self, job: str, epoch: int, first_sequence: int, records: Sequence[Record]) -> int:
        """Append records, numbered from ``first_sequence``; returns the next number."""
        rows = [{"kind": record.kind, "values": dict(record.values)} for record in records]
        said = self._say(job, "records", epoch, {"first_sequence": first_sequence, "records": rows})
        return int(said["next_sequence"])

    def segment(self, job: str, epoch: int, harvest: Harvest) -> str:
        """Deposit bits; returns the segment's id. Said once: the same bits twice are refused as a stuck source."""
        body = {
            "row": harvest.row,
            "col": harvest.col,
            "healthy": harvest.healthy,
            "origin": str(harvest.bits.origin),
            "n_bits": harvest.bits.count,
            "bits": base64.b64encode(harvest.bits.packed).decode(),
            "details": dict(harvest.details),
        }
        said = self._say(job, "segments", epoch, body, repeatable=False, timeout_seconds=120.0)
        return str(said["id"])

    def artifact(self, job: str, epoch: int, artifact: Artifact) -> None:
        """Keep a file."""
        body = {
            "name": artifact.name,
            "media_type": artifact.media_type,
            "content": base64.b64encode(artifact.content).decode(),
        }
        self._say(job, "artifacts", epoch, body, timeout_seconds=120.0)

    def finish(self, job: str, epoch: int, outcome: str, error: str | None = None) -> None:
        """The attempt ended: succeeded, failed, cancelled or interrupted."""
        self._say(job, "finish", epoch, {"outcome": outcome, "error": error})

    def _say(
        self,
        job: str,
        word: str,
        epoch: int,
        body: Mapping[str, Any],
        *,
        repeatable: bool = True,
        timeout_seconds: float = 30.0,
    ) -> Any:
        path = f"/v1/agent/jobs/{job}/{word}"
        said = {"epoch": epoch, **body}
        return self._http.request(
            "POST", path, repeatable=repeatable, body=said, timeout_seconds=timeout_seconds
        ).json()
