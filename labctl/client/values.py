"""What the service says, as frozen values of plain JSON types: instants are ISO 8601 text in UTC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

T = TypeVar("T")


def read(kind: type[T], said: Mapping[str, Any]) -> T:
    """A ``kind`` from what the service ``said``; what a newer service says beyond that is passed over."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # every kind below is a dataclass
    return kind(**{name: said[name] for name in names})


@dataclass(frozen=True)
class BenchEntry:
    """A bench: ``origin`` says what its bits are, ``seen_at`` when its agent was last heard of."""

    name: str
    epoch: int
    agent: str
    origin: str
    station_digest: str
    roles: list[str]
    seen_at: str


@dataclass(frozen=True)
class Job:
    """A job; ``state`` is one of queued, claimed, running, succeeded, failed, cancelled, interrupted, expired."""

    id: str
    bench: str
    procedure: str
    parameters: dict[str, Any]
    priority: int
    owner: str
    state: str
    on_interrupt: str
    cancel_requested: bool
    epoch: int
    agent: str | None
    done: int
    total: int
    unit: str
    error: str | None
    created_at: str
    started_at: str | None
    ended_at: str | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state not in {"queued", "claimed", "running"}


@dataclass(frozen=True)
class ApiKey:
    """An API key without its secret; ``benches`` None is all of them."""

    id: str
    hint: str
    owner: str
    role: str
    benches: list[str] | None
    note: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    used_at: str | None


@dataclass(frozen=True)
class Run:
    """One attempt at a job, with the provenance that its bench gave."""

    id: str
    job: str
    number: int
    epoch: int
    provenance: dict[str, Any]
    started_at: str
    ended_at: str | None
    outcome: str | None
    error: str | None


@dataclass(frozen=True)
class Event:
    """Something that happened to a job."""

    seq: int
    job: str
    at: str
    kind: str
    body: dict[str, Any]


@dataclass(frozen=True)
class News:
    """Something new of a job: ``kind`` is event, record, progress or end (``data`` is the job then).

    ``mark`` is where it stands in the stream; handed in again, it gives what came later.
    """

    kind: str
    mark: str
    data: dict[str, Any]


@dataclass(frozen=True)
class ArtifactEntry:
    """A file that a job made."""

    job: str
    run: str
    name: str
    media_type: str
    sha256: str
    n_bytes: int


@dataclass(frozen=True)
class Segment:
    """Bits of one junction, as a job deposited them."""

    id: str
    job: str
    run: str
    bench: str
    row: int
    col: int
    sha256: str
    n_bits: int
    next_bit: int
    origin: str
    healthy: bool
    details: dict[str, Any]
    created_at: str


@dataclass(frozen=True)
class Draw:
    """Bits given to one consumer for one purpose; ``sent_at`` is None until they were taken."""

    id: str
    owner: str | None
    consumer: str
    purpose: str
    n_bits: int
    origin: str
    accept_simulated: bool
    created_at: str
    sent_at: str | None


@dataclass(frozen=True)
class Part:
    """Where a stretch of a draw came from: bits ``start_bit`` to ``stop_bit`` (exclusive) of a segment."""

    draw: str
    position: int
    segment: str
    start_bit: int
    stop_bit: int
    sha256: str
    origin: str
    job: str
    run: str
    bench: str
    row: int
    col: int
    details: dict[str, Any]


@dataclass(frozen=True)
class Certificate:
    """What tests said of the bits of a draw or of a run; in a list of them ``results`` is None."""

    id: str
    draw: str | None
    run: str | None
    sha256: str
    n_bits: int
    origin: str
    suites: list[str]
    profile: str
    passed: bool
    verdict: str
    results: list[dict[str, Any]] | None
    version: str
    created_at: str


@dataclass(frozen=True)
class Account:
    """The bits of one origin: ``deposited == drawn + drawable + unhealthy + odd``."""

    origin: str
    segments: int
    deposited: int
    drawn: int
    drawable: int
    unhealthy: int
    odd: int
