"""The service as a person or a program uses it: order measurements, look at results, spend bits."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
import numpy as np
import pandas as pd

from labctl.client.http import Http
from labctl.client.values import (
    Account,
    ApiKey,
    ArtifactEntry,
    BenchEntry,
    Certificate,
    Draw,
    Event,
    Job,
    News,
    Part,
    Run,
    Segment,
    read,
)
from labctl.core.bits import Bits, Origin
from labctl.core.clock import Clock, WallClock
from labctl.core.errors import ServiceError


class Client:
    """The service at ``base_url``.

    ::

        with Client("http://127.0.0.1:8000") as lab:
            job = lab.wait(lab.submit("identify", {}, bench="demo").id)
            frame = lab.records(job.id)

    A service that asks for keys gets ``key``, or the one in the environment variable LABCTL_KEY.
    Every problem that the service tells of is raised as the LabError it was; no answer is a ServiceError.
    """

    def __init__(
        self, base_url: str = "http://127.0.0.1:8000", clock: Clock | None = None, key: str | None = None
    ) -> None:
        self._clock = clock or WallClock()
        self._http = Http(base_url, self._clock, key)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the connection."""
        self._http.close()

    def submit(
        self,
        procedure: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        bench: str,
        priority: int = 0,
        owner: str | None = None,
        idempotency_key: str | None = None,
        on_interrupt: str = "hold",
        expires_seconds: float | None = None,
    ) -> Job:
        """Order a measurement. Without a key of yours it gets one of its own, so a lost answer makes no second job."""
        body = {
            "bench": bench,
            "procedure": procedure,
            "parameters": dict(parameters or {}),
            "priority": priority,
            "owner": owner,
            "on_interrupt": on_interrupt,
            "expires_seconds": expires_seconds,
        }
        headers = {"Idempotency-Key": idempotency_key or secrets.token_hex(16)}
        return read(Job, self._http.request("POST", "/v1/jobs", repeatable=True, body=body, headers=headers).json())

    def job(self, job: str) -> Job:
        """How far a job is."""
        return read(Job, self._get(f"/v1/jobs/{job}"))

    def jobs(
        self, state: str | None = None, bench: str | None = None, limit: int = 100, before: str | None = None
    ) -> list[Job]:
        """The newest jobs first."""
        found = self._get("/v1/jobs", state=state, bench=bench, limit=limit, before=before)
        return [read(Job, said) for said in found]

    def wait(
        self, job: str, timeout_seconds: float | None = None, on_progress: Callable[[Job], None] | None = None
    ) -> Job:
        """The job as it ended; ``on_progress`` is called with it about twice a second until then.

        Raises ServiceError if it has not ended after ``timeout_seconds``; the job goes on.
        """
        deadline = None if timeout_seconds is None else self._clock.now() + timeout_seconds
        at_once = 20.0 if on_progress is None else 0.5
        while True:
            left = at_once if deadline is None else max(0.0, deadline - self._clock.now())
            found = read(Job, self._get(f"/v1/jobs/{job}", wait=min(at_once, left)))
            if on_progress is not None:
                on_progress(found)
            if found.ended:
                return found
            if deadline is not None and self._clock.now() >= deadline:
                raise ServiceError(
                    f"job {job} is still {found.state} ({found.done} of {found.total} {found.unit}) after "
                    f"{timeout_seconds:g} s; it goes on: wait longer, or cancel it"
                )

    def watch(self, job: str, behind: str = "") -> Iterator[News]:
        """What happens to a job, as it happens, from the beginning or ``behind`` the mark of an earlier one.

        Ends with the job; a broken connection is made anew, and nothing is missed or comes twice.
        """
        for event in self._http.follow(f"/v1/jobs/{job}/stream", behind):
            yield News(event.event, event.id, event.json())

    def cancel(self, job: str) -> Job:
        """Cancel a waiting job at once; ask an active one to stop."""
        return read(Job, self._http.request("POST", f"/v1/jobs/{job}/cancel", repeatable=True).json())

    def records(self, job: str, kind: str | None = None, run: str | None = None) -> pd.DataFrame:
        """What was measured: one row per record, indexed by its sequence number: its kind, then its values."""
        rows = self._get(f"/v1/jobs/{job}/records", kind=kind, run=run)
        index = pd.Index([row["sequence"] for row in rows], name="sequence", dtype="int64")
        return pd.DataFrame([{"kind": row["kind"]} | row["values"] for row in rows], index=index)

    def runs(self, job: str) -> list[Run]:
        """The attempts at a job, each with its provenance."""
        return [read(Run, said) for said in self._get(f"/v1/jobs/{job}/runs")]

    def events(self, job: str, after: int = 0) -> list[Event]:
        """What happened to a job after event ``after``."""
        return [read(Event, said) for said in self._get(f"/v1/jobs/{job}/events", after=after)]

    def artifacts(self, job: str) -> list[ArtifactEntry]:
        """The files that a job made."""
        return [read(ArtifactEntry, said) for said in self._get(f"/v1/jobs/{job}/artifacts")]

    def artifact(self, job: str, name: str) -> bytes:
        """One of those files."""
        return self._http.request("GET", f"/v1/jobs/{job}/artifacts/{name}", repeatable=True).content

    def segments(self, job: str | None = None, limit: int = 1000) -> list[Segment]:
        """The bits that a job deposited, in order; or of all jobs, the newest first."""
        path = "/v1/segments" if job is None else f"/v1/jobs/{job}/segments"
        return [read(Segment, said) for said in self._get(path, limit=limit)]

    def segment_bits(self, sha256: str) -> Bits:
        """The bits of a segment that is spent or unhealthy, to look at; BitsRefused while it holds fresh ones."""
        return _bits(self._http.request("GET", f"/v1/segments/{sha256}/bits", repeatable=True, timeout_seconds=300))

    def add_key(
        self,
        owner: str,
        role: str,
        *,
        benches: Sequence[str] | None = None,
        expires_seconds: float | None = None,
        note: str = "",
    ) -> tuple[ApiKey, str]:
        """A new key and its secret, which is shown this once. For admins."""
        body = {
            "owner": owner,
            "role": role,
            "benches": None if benches is None else list(benches),
            "expires_seconds": expires_seconds,
            "note": note,
        }
        said = self._http.request("POST", "/v1/keys", repeatable=False, body=body).json()
        return read(ApiKey, said["key"]), str(said["secret"])

    def api_keys(self) -> list[ApiKey]:
        """All keys that were ever made, without their secrets. For admins."""
        return [read(ApiKey, said) for said in self._get("/v1/keys")]

    def revoke_key(self, key: str) -> ApiKey:
        """The key named ``key`` is good for nothing from now on. For admins."""
        return read(ApiKey, self._http.request("DELETE", f"/v1/keys/{key}", repeatable=True).json())

    def benches(self) -> list[BenchEntry]:
        """The benches whose agents ever registered."""
        return [read(BenchEntry, said) for said in self._get("/v1/benches")]

    def procedures(self) -> list[dict[str, Any]]:
        """The procedures that can be ordered: name, title, doc, roles, schema."""
        found: list[dict[str, Any]] = self._get("/v1/procedures")
        return found

    def procedure(self, name: str) -> dict[str, Any]:
        """One of them."""
        found: dict[str, Any] = self._get(f"/v1/procedures/{name}")
        return found

    def account(self) -> list[Account]:
        """How many bits there are and where they went, by origin."""
        return [read(Account, said) for said in self._get("/v1/bits")]

    def draw(self, n_bits: int, *, consumer: str, purpose: str, accept_simulated: bool = False) -> Draw:
        """Give ``n_bits``, a multiple of 8, to ``consumer`` for ever; ``take`` hands them over.

        Raises NotEnoughBits, or BitsRefused if only simulated ones would do and they are not accepted.
        """
        body = {"n_bits": n_bits, "consumer": consumer, "purpose": purpose, "accept_simulated": accept_simulated}
        return read(Draw, self._http.request("POST", "/v1/draws", repeatable=False, body=body).json())

    def draws(self, limit: int = 100) -> list[Draw]:
        """The newest draws first."""
        return [read(Draw, said) for said in self._get("/v1/draws", limit=limit)]

    def take(self, draw: str) -> Bits:
        """The bits of a draw, once. If the connection breaks they are burned: make another draw."""
        return _bits(self._http.request("GET", f"/v1/draws/{draw}/bits", repeatable=False, timeout_seconds=300))

    def replay(self, draw: str) -> Bits:
        """The bits of a draw that was taken, again, marked as recorded (or simulated)."""
        return _bits(self._http.request("GET", f"/v1/draws/{draw}/replay", repeatable=True, timeout_seconds=300))

    def audit(self, draw: str) -> list[Part]:
        """Where every bit of a draw came from, in order."""
        return [read(Part, said) for said in self._get(f"/v1/draws/{draw}")["parts"]]

    def keep_certificate(self, found: Mapping[str, Any]) -> Certificate:
        """Keep what tests said of a draw or a run: the fields of a Certificate but id, origin and created_at."""
        answer = self._http.request("POST", "/v1/certificates", repeatable=False, body=dict(found), timeout_seconds=300)
        return read(Certificate, answer.json())

    def certificates(self, *, draw: str | None = None, run: str | None = None, limit: int = 100) -> list[Certificate]:
        """What was said of a draw, of a run or of anything, the newest first; without results."""
        return [read(Certificate, said) for said in self._get("/v1/certificates", draw=draw, run=run, limit=limit)]

    def certificate(self, certificate: str) -> Certificate:
        """One of them, with its results."""
        return read(Certificate, self._get(f"/v1/certificates/{certificate}"))

    def bit_source(
        self, *, consumer: str, purpose: str, accept_simulated: bool = False, chunk_bits: int | None = None
    ) -> ServiceBits:
        """A BitSource that draws what is read from it, or ``chunk_bits`` at a time if that is given."""
        return ServiceBits(self, consumer, purpose, accept_simulated, chunk_bits)

    def _get(self, path: str, **params: Any) -> Any:
        patience = 30.0 + float(params.get("wait", 0.0))
        return self._http.request("GET", path, repeatable=True, params=params, timeout_seconds=patience).json()


class ServiceBits:
    """Bits from the service, drawn as they are read; ``draws`` lists the draws, ``left`` counts what is not read yet.

    Draws are whole bytes, so up to 7 bits wait for the next read; with ``chunk_bits`` up to that many.
    What is left when nobody reads on is spent all the same.
    """

    def __init__(
        self, client: Client, consumer: str, purpose: str, accept_simulated: bool, chunk_bits: int | None = None
    ) -> None:
        self.draws: list[str] = []
        self._client = client
        self._consumer = consumer
        self._purpose = purpose
        self._accept_simulated = accept_simulated
        self._chunk_bits = chunk_bits or 0
        self._rest = np.zeros(0, np.uint8)
        self._rest_origin = Origin.HARDWARE

    @property
    def left(self) -> int:
        """Bits that are drawn and not read."""
        return int(self._rest.size)

    def read(self, n_bits: int) -> Bits:
        """The next ``n_bits`` bits; of the lesser origin if they are of two.

        Raises NotEnoughBits or BitsRefused, and then has taken none.
        """
        missing = n_bits - self.left
        if missing > 0:
            draw = self._client.draw(
                -(-max(missing, self._chunk_bits) // 8) * 8,
                consumer=self._consumer,
                purpose=self._purpose,
                accept_simulated=self._accept_simulated,
            )
            self.draws.append(draw.id)
            fresh = self._client.take(draw.id)
            if not self.left:
                self._rest_origin = fresh.origin
            self._rest_origin = max(self._rest_origin, fresh.origin, key=list(Origin).index)
            self._rest = np.concatenate([self._rest, fresh.unpack()])
        taken, self._rest = self._rest[:n_bits], self._rest[n_bits:]
        return Bits.of(taken, self._rest_origin)


def _bits(answer: httpx.Response) -> Bits:
    return Bits(answer.content, int(answer.headers["Labctl-Bits"]), Origin(answer.headers["Labctl-Origin"]))
