"""What may be sent to the service. What it sends back are the ledger's own values."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from labctl.core.bits import Origin
from labctl.ledger.values import OnInterrupt, Role

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")  # as JSON spells it, and no spelling of a backslash


def _storable(value: Any) -> Any:
    """Text that every database can keep: no NUL, no half of a surrogate pair; numbers that JSON has."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (ValueError, RecursionError) as error:
        raise ValueError("numbers must be finite and text must be valid Unicode") from error
    if _NUL.search(text):
        raise ValueError("text must not contain NUL")
    return value


Word = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_storable)]
Sentence = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_storable)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_storable)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Count = Annotated[int, Field(ge=0, lt=2**63)]
Suite = Literal["sp800-22", "sp800-90b", "ais31"]
Small = Annotated[int, Field(ge=0, lt=2**31)]

Id = Annotated[str, Path(max_length=64, pattern=r"^[^\x00-\x1f]+$", examples=["1k0ybcwjdrmrakzy"])]
BenchName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$", examples=["demo"])]
Limit = Annotated[int, Query(ge=1, le=1000, description="At most this many.")]
Before = Annotated[str | None, Query(max_length=64, pattern=r"^[0-9a-z]*$", description="Go on before this id.")]


class Request(BaseModel):
    """A request; what it does not know it refuses, so that a misspelt option is not silently ignored."""

    model_config = ConfigDict(extra="forbid")


class JobRequest(Request):
    """A measurement, ordered from a bench."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"bench": "demo", "procedure": "switching_curve", "parameters": {"row": 0, "col": 0}}]
        }
    )
    bench: Name
    procedure: Word
    parameters: JsonObject = {}
    priority: Annotated[int, Field(ge=-1000, le=1000, description="Higher goes first.")] = 0
    owner: Annotated[Word | None, Field(description="Who asks: the owner of the key, unless an operator says.")] = None
    on_interrupt: Annotated[
        OnInterrupt, Field(description="If its agent is lost: hold it for a person, or restart it.")
    ] = OnInterrupt.HOLD
    expires_seconds: Annotated[
        float | None, Field(gt=0, le=3e7, description="Forget it if nobody has claimed it after this time.")
    ] = None


class DrawRequest(Request):
    """Bits, asked for by one consumer for one purpose."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"n_bits": 4096, "consumer": "sampler-1", "purpose": "noise of picture 7", "accept_simulated": True}
            ]
        }
    )
    n_bits: Annotated[int, Field(ge=8, le=2**33, description="A multiple of 8.")]
    consumer: Word
    purpose: Word
    accept_simulated: bool = False


class CertificateRequest(Request):
    """What tests said of the bits of a draw, or of those that a run deposited."""

    draw: Annotated[str | None, Field(max_length=64)] = None
    run: Annotated[str | None, Field(max_length=64)] = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    n_bits: Annotated[int, Field(ge=1, lt=2**63)]
    suites: Annotated[list[Suite], Field(min_length=1, max_length=3)]
    profile: Annotated[Word, StringConstraints(max_length=32)]
    passed: bool
    verdict: Sentence
    results: Annotated[list[JsonObject], Field(max_length=10_000, description="A row per suite, test and variant.")]
    version: Annotated[Word, StringConstraints(max_length=64)]


class KeyRequest(Request):
    """A key for somebody."""

    owner: Word
    role: Role
    benches: Annotated[list[Name] | None, Field(min_length=1, description="Only for these; all if left out.")] = None
    expires_seconds: Annotated[float | None, Field(gt=0, le=1e9, allow_inf_nan=False)] = None
    note: Annotated[str, StringConstraints(max_length=200), AfterValidator(_storable)] = ""


class BenchRegistration(Request):
    """An agent takes a bench."""

    agent: Annotated[Word, Field(description="A name that is new for every process.")]
    origin: Origin
    station_digest: Word
    roles: list[Word]


class ClaimRequest(Request):
    """An agent asks for work."""

    agent: Word
    wait_seconds: Annotated[float, Field(ge=0, le=60)] = 0.0


class Fenced(Request):
    """Whatever an agent says about a job names the claim under which it says it."""

    epoch: Count


class StartRequest(Fenced):
    """The job begins; from here on it may have had an effect."""

    provenance: JsonObject = {}


class HeartbeatRequest(Fenced):
    """The agent is alive, and this far; without ``done`` it only is alive."""

    done: Count | None = None
    total: Count = 0
    unit: Annotated[Word, StringConstraints(max_length=64)] = "steps"


class RecordBody(Request):
    """One record."""

    kind: Annotated[Word, StringConstraints(max_length=64)]
    values: JsonObject


class RecordsRequest(Fenced):
    """A batch of records, numbered from ``first_sequence``; it may be sent again."""

    first_sequence: Count
    records: Annotated[list[RecordBody], Field(max_length=100_000)]


class SegmentRequest(Fenced):
    """Raw bits of one junction, packed, most significant bit first."""

    row: Small
    col: Small
    healthy: bool
    origin: Origin
    n_bits: Count
    bits: Annotated[str, Field(description="Base 64.")]
    details: JsonObject = {}


class ArtifactRequest(Fenced):
    """A file that the run made."""

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. +-]{0,199}$")]
    media_type: Annotated[
        str, StringConstraints(pattern=r"^[a-z]+/[a-zA-Z0-9.+-]+(; ?charset=[a-zA-Z0-9-]+)?$", max_length=100)
    ]
    content: Annotated[str, Field(description="Base 64.")]


class FinishRequest(Fenced):
    """How the attempt ended."""

    outcome: Literal["succeeded", "failed", "cancelled", "interrupted"]
    error: Sentence | None = None
