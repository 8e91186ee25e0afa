"""The bench agent: the one process that owns a bench's instruments. It claims jobs over HTTP and runs them."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from labctl import runner
from labctl.client import AgentClient, ClaimedJob, Client
from labctl.core.bits import Drawn, Origin
from labctl.core.clock import Clock, WallClock
from labctl.core.errors import Cancelled, IllegalTransition, InstrumentError, LabError, LeaseLost, ServiceError
from labctl.core.procedure import Artifact, Harvest, Progress, Record
from labctl.procedures import schema

log = logging.getLogger("labctl.agent")

PATIENCE_SECONDS = 45.0
"""How long a job may go on after it was to stop. A call to an instrument that hangs does not hear of that."""
HUNG = 70
"""The exit code of an agent that gave up on such a call; whoever started it brings the bench to rest."""
CLAIM_SECONDS = 2.0
"""How long one claim waits at the service; also how soon an idle agent notices that it should stop."""


class OpenBench(Protocol):
    """What the agent needs of a bench."""

    @property
    def origin(self) -> Origin:
        """Where bits from this bench come from."""
        ...

    def roles(self) -> Mapping[str, Any]:
        """What procedures may ask for, by name."""
        ...

    def provenance(self) -> dict[str, Any]:
        """What is needed to tell later where a result came from, fit for JSON."""
        ...

    def safe(self) -> None:
        """Bring everything to rest."""
        ...


class Agent:
    """Serves one bench until told to stop.

    ``open_bench`` opens the instruments; it is called again after an instrument failed, so that a job starts with
    fresh connections. One process per bench: a lock in ``home``/agents holds a second one off.
    """

    def __init__(
        self,
        bench: str,
        station_digest: str,
        open_bench: Callable[[], AbstractContextManager[OpenBench]],
        service: str,
        home: Path,
        clock: Clock | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._bench_name = bench
        self._patience_seconds = patience_seconds
        self._digest = station_digest
        self._open = open_bench
        self._service = service
        self._clock = clock or WallClock()
        self._lock = FileLock(home / "agents" / f"{bench}.lock")
        self._stop = threading.Event()

    def stop(self) -> None:
        """Ask ``serve`` to return: a running job is interrupted, the bench made safe. Callable from any thread."""
        self._stop.set()

    def serve(self) -> None:
        """Claim and run jobs until ``stop``.

        Raises ServiceError if another agent on this machine owns the bench, and whatever opening the bench raises
        the first time; later failures to open it are logged and tried again, while jobs stay queued.
        """
        Path(self._lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            raise ServiceError(
                f"another agent on this machine already owns the bench {self._bench_name!r} ({self._lock.lock_file}); "
                "stop that one first"
            ) from None
        try:
            with AgentClient(self._service) as client, Client(self._service) as spender:
                self._session(client, spender)
                while not self._stop.is_set():
                    try:
                        self._session(client, spender)
                    except LeaseLost:
                        raise
                    except LabError as error:
                        log.error("the bench %s cannot be opened, trying again: %s", self._bench_name, error)
                        self._pause(2.0)
        finally:
            self._lock.release()

    def _session(self, client: AgentClient, spender: Client) -> None:
        """Open the bench and run jobs on it until one fails at an instrument, or until told to stop."""
        with self._open() as bench:
            roles = bench.roles()
            registered = False
            while not self._stop.is_set():
                try:
                    if not registered:
                        client.register(
                            self._bench_name,
                            origin=bench.origin,
                            station_digest=self._digest,
                            roles=sorted([*roles, "bank"]),
                        )
                        registered = True
                        log.info("the bench %s is ready (%s)", self._bench_name, bench.origin)
                    job = client.claim(self._bench_name, wait_seconds=CLAIM_SECONDS)
                except LeaseLost:
                    raise  # another agent took the bench over; two must not take turns
                except LabError as error:  # no answer, or a full disk there
                    log.warning("no job can be had from the service, trying again: %s", error)
                    registered = False
                    self._pause(1.0)
                    continue
                if job is not None and not self._run(client, spender, bench, roles, job):
                    return

    def _run(
        self, client: AgentClient, spender: Client, bench: OpenBench, roles: Mapping[str, Any], job: ClaimedJob
    ) -> bool:
        """Run one job and report how it went; False if the instruments must be opened afresh."""
        log.info("job %s: %s", job.id, job.procedure)
        well = True
        outcome, reason = "succeeded", None
        try:
            procedure = schema.build(job.procedure, job.parameters)
            client.start(job.id, job.epoch, bench.provenance())
            with _Heart(client, job, self._stop, self._clock, self._patience_seconds) as heart:
                offered = {**roles, "bank": _Bank(spender, f"job {job.id}")}
                runner.run(procedure, offered, _ServiceSink(client, job, heart), self._clock)
        except Cancelled as error:
            outcome, reason = ("interrupted" if self._stop.is_set() else "cancelled"), str(error)
        except LeaseLost as error:
            log.warning("job %s was taken from this agent: %s", job.id, error)
            outcome = "lost"
        except LabError as error:
            well = not isinstance(error, InstrumentError)
            outcome, reason = "failed", _sentence(error)
        except (Exception, SystemExit) as error:  # a mistake in a procedure must not end the agent
            log.exception("job %s", job.id)
            well = False
            outcome, reason = (
                "failed",
                f"{type(error).__name__}: {error} (a mistake in the procedure; see the agent's log)",
            )
        try:
            bench.safe()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is reported and the bench opened afresh
            well = False
            log.error("making the bench safe after job %s: %s", job.id, _sentence(error))
            reason = f"{reason or 'the measurement was complete'}; making the bench safe afterwards failed: {error}"
            outcome = "failed" if outcome == "succeeded" else outcome
        if outcome != "lost":
            self._report(client, job, outcome, reason)
        log.info("job %s: %s%s", job.id, outcome, f" ({reason})" if reason else "")
        return well

    def _report(self, client: AgentClient, job: ClaimedJob, outcome: str, reason: str | None) -> None:
        """Tell the service how the job ended; the lease decides if it cannot be told."""
        for attempt in range(5):
            try:
                client.finish(job.id, job.epoch, outcome, reason)
            except (LeaseLost, IllegalTransition) as error:
                log.warning("job %s ended %s, but it no longer belongs to this agent: %s", job.id, outcome, error)
            except LabError as error:
                log.warning("could not report the end of job %s (attempt %d): %s", job.id, attempt + 1, error)
                self._pause(0.5 * 2**attempt)
                continue
            return

    def _pause(self, seconds: float) -> None:
        self._stop.wait(seconds)


class _Heart:
    """Beats while a job runs: keeps the lease, and learns of a wish to stop.

    A job that does not stop within ``patience_seconds`` is held by an instrument: this process can do no more for the
    bench, and ends itself by ``give_up``, so that another one can.
    """

    def __init__(
        self,
        client: AgentClient,
        job: ClaimedJob,
        stop: threading.Event,
        clock: Clock,
        patience_seconds: float = PATIENCE_SECONDS,
        give_up: Callable[[], None] = lambda: os._exit(HUNG),
    ) -> None:
        self._patience_seconds = patience_seconds
        self._give_up = give_up
        self._client = client
        self._job = job
        self._stop = stop
        self._clock = clock
        self._done = threading.Event()
        self._reason: LabError | None = None
        self._progress: Progress | None = None
        self._period = job.lease_seconds / 5
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def __enter__(self) -> _Heart:
        self._thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._done.set()
        self._thread.join()
        if kind is None:  # the last step's progress, which no beat may have carried
            with contextlib.suppress(LabError):
                self._client.heartbeat(self._job.id, self._job.epoch, self._progress)

    def check(self, progress: Progress | None = None) -> None:
        """Raise if the job is to stop; note how far it is."""
        self._progress = progress or self._progress
        if self._stop.is_set():
            raise Cancelled("the agent was told to stop while the job ran")
        if self._reason is not None:
            raise self._reason

    def _beat(self) -> None:
        kept = self._clock.now()
        asked: float | None = None
        while True:
            sent = self._clock.now()
            try:
                answer = self._client.heartbeat(self._job.id, self._job.epoch, self._progress)
                kept = sent
                if answer.cancel:
                    self._reason = Cancelled("cancelled on request")
            except LeaseLost as error:
                self._reason = error
            except LabError as error:
                # the service declares the lease over after lease_seconds; stop well before that
                if self._clock.now() - kept > 0.8 * self._job.lease_seconds:
                    self._reason = LeaseLost(f"the service could not be reached for most of the lease: {error}")
            if self._done.wait(min(self._period, 0.5)):
                return
            if self._stop.is_set() or self._reason is not None:
                asked = self._clock.now() if asked is None else asked
                if self._clock.now() - asked > self._patience_seconds:
                    log.critical(
                        "job %s was to stop %g s ago and an instrument holds it; this process gives up, and the one "
                        "that started it brings the bench to rest",
                        self._job.id,
                        self._patience_seconds,
                    )
                    self._give_up()
                    return


class _ServiceSink:
    """Carries what a run yields to the service."""

    def __init__(self, client: AgentClient, job: ClaimedJob, heart: _Heart) -> None:
        self._client = client
        self._job = job
        self._heart = heart
        self._sequence = 0

    def records(self, records: Sequence[Record]) -> None:
        self._client.records(self._job.id, self._job.epoch, self._sequence, records)
        self._sequence += len(records)

    def harvest(self, harvest: Harvest) -> None:
        self._client.segment(self._job.id, self._job.epoch, harvest)
        self._heart.check()

    def artifact(self, artifact: Artifact) -> None:
        self._client.artifact(self._job.id, self._job.epoch, artifact)

    def progress(self, progress: Progress) -> None:
        self._heart.check(progress)


class _Bank:
    """Draws bits from the service for a procedure that spends some."""

    def __init__(self, client: Client, consumer: str) -> None:
        self._client = client
        self._consumer = consumer

    def draw_bits(self, n_bits: int, *, purpose: str, accept_simulated: bool) -> Drawn:
        drawn = self._client.draw(n_bits, consumer=self._consumer, purpose=purpose, accept_simulated=accept_simulated)
        return Drawn(drawn.id, self._client.take(drawn.id))


def _sentence(error: BaseException) -> str:
    return "; ".join([str(error), *getattr(error, "__notes__", ())])
