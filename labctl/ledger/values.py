"""What the ledger hands out: frozen values, one class per thing that has a name in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from labctl.core.bits import Origin


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    EXPIRED = "expired"


class OnInterrupt(StrEnum):
    """What becomes of a job whose agent was lost: ``hold`` it as interrupted, or ``restart`` it.

    Hold is the default, because a second attempt means pulses that nobody ordered twice.
    """

    HOLD = "hold"
    RESTART = "restart"


class Role(StrEnum):
    """What a key allows. Each of the first four allows what those before it do; an ``agent`` serves its benches.

    ``viewer`` looks, ``submitter`` orders measurements and draws bits, ``operator`` rules over everybody's jobs and
    the benches, ``admin`` makes and revokes keys.
    """

    VIEWER = "viewer"
    SUBMITTER = "submitter"
    OPERATOR = "operator"
    ADMIN = "admin"
    AGENT = "agent"


@dataclass(frozen=True)
class ApiKey:
    """An API key as the ledger knows it: never the secret, only its first letters (``hint``) and its SHA-256.

    ``benches`` are those it is good for, None for all of them.
    """

    id: str
    hint: str
    owner: str
    role: Role
    benches: list[str] | None
    note: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True)
class BenchEntry:
    """A bench as its agent registered it; ``epoch`` counts the claims it has ever made."""

    name: str
    epoch: int
    agent: str
    origin: Origin
    station_digest: str
    roles: list[str]
    seen_at: datetime


@dataclass(frozen=True)
class Job:
    """A request to a bench and how far it has come. ``epoch`` is the fence of its latest claim (0: never claimed)."""

    id: str
    bench: str
    procedure: str
    parameters: Mapping[str, Any]
    priority: int
    owner: str
    idempotency_key: str | None
    state: State
    on_interrupt: OnInterrupt
    cancel_requested: bool
    epoch: int
    agent: str | None
    lease_seconds: float | None
    lease_until: datetime | None
    done: int
    total: int
    unit: str
    error: str | None
    created_at: datetime
    expires_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True)
class Run:
    """One attempt at a job; ``outcome`` is None while it goes on."""

    id: str
    job: str
    number: int
    epoch: int
    provenance: Mapping[str, Any]
    started_at: datetime
    ended_at: datetime | None
    outcome: State | None
    error: str | None


@dataclass(frozen=True)
class Event:
    """Something that happened to a job; ``seq`` only ever rises and no event is changed or removed."""

    seq: int
    job: str
    at: datetime
    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One record of a run, as the ledger keeps it."""

    run: str
    sequence: int
    kind: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class ArtifactEntry:
    """A file that a run made; ``path`` is relative to the home folder."""

    job: str
    run: str
    name: str
    media_type: str
    sha256: str
    n_bytes: int
    path: str


@dataclass(frozen=True)
class Segment:
    """Bits of one junction as deposited: a file named by its SHA-256, relative to the home folder.

    Bits from 0 to ``next_bit`` are drawn; the whole bytes after it can still be drawn if it is ``healthy``.
    """

    id: str
    job: str
    run: str
    bench: str
    row: int
    col: int
    path: str
    sha256: str
    n_bits: int
    next_bit: int
    origin: Origin
    healthy: bool
    details: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Draw:
    """Bits given to one consumer for one purpose, for ever. ``sent_at`` is None until they were taken.

    ``owner`` is whose key asked; None where none was needed.
    """

    id: str
    owner: str | None
    consumer: str
    purpose: str
    n_bits: int
    origin: Origin
    accept_simulated: bool
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True)
class Part:
    """Where a stretch of a draw came from: bits ``start_bit`` to ``stop_bit`` (exclusive) of a segment."""

    draw: str
    position: int
    segment: str
    start_bit: int
    stop_bit: int
    sha256: str
    origin: Origin
    job: str
    run: str
    bench: str
    row: int
    col: int
    details: Mapping[str, Any]


@dataclass(frozen=True)
class Account:
    """The bits of one origin: ``deposited == drawn + drawable + unhealthy + odd``.

    ``odd`` are the bits after the last whole byte of a healthy segment; they are never drawn.
    """

    origin: Origin
    segments: int
    deposited: int
    drawn: int
    drawable: int
    unhealthy: int
    odd: int


@dataclass(frozen=True)
class Certificate:
    """What tests said of the first ``n_bits`` of a ``draw`` or of a ``run``, all of whose bits hash to ``sha256``.

    ``results`` has a row per suite, test and variant: how many sequences passed, and the number of each; None in a
    list of certificates, where it would be most of it. ``version`` is that of the labctl that tested.
    """

    id: str
    draw: str | None
    run: str | None
    sha256: str
    n_bits: int
    origin: Origin
    suites: list[str]
    profile: str
    passed: bool
    verdict: str
    results: list[dict[str, Any]] | None
    version: str
    created_at: datetime
