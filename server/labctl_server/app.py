"""The service as an ASGI application: ``create_app(settings)``. Nothing is opened before it starts."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import anyio.to_thread
from fastapi import FastAPI

from labctl.core.errors import LabError
from labctl.ledger.engine import open_ledger
from labctl_server import pages, problems
from labctl_server.bell import Bell
from labctl_server.bounds import Bounds
from labctl_server.catalogue import Catalogue, Installed
from labctl_server.guard import Guard
from labctl_server.logs import Logged
from labctl_server.metrics import Metrics, Timed
from labctl_server.routes import agent, bits, certificates, health, jobs, keys, procedures, streams
from labctl_server.service import Service
from labctl_server.settings import Settings

log = logging.getLogger("labctl.server")

DESCRIPTION = """
Order measurements from a bench with an array of magnetic tunnel junctions, and spend the random bits it makes.

* A **job** is a procedure with parameters; a bench runs one at a time.
  `POST /v1/jobs`, then `GET /v1/jobs/{id}?wait=30`.
* A **draw** gives bits to one consumer for ever. `POST /v1/draws`, then `GET /v1/draws/{id}/bits`, once.
* Bits are `hardware`, `recorded` or `simulated`, and say so everywhere.
  Simulated ones only go to those who accept them.
* Every error is a problem (RFC 9457) whose `detail` says what was asked, what was found and what to try.
"""


def create_app(settings: Settings, catalogue: Catalogue | None = None) -> FastAPI:
    """The application; it opens its ledger when it starts and closes it when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # Every waiting request holds a thread; the usual 40 would let a few watchers lock out the agents.
        anyio.to_thread.current_default_thread_limiter().total_tokens = settings.threads
        with open_ledger(settings.database_url or settings.home, home=settings.home) as ledger:
            bell = Bell(settings.poll_seconds)
            app.state.service = Service(settings, ledger, bell, catalogue or Installed(), metrics)
            metrics.open(ledger)
            over = threading.Event()
            reaper = threading.Thread(target=_reap, args=(app.state.service, over), name="reaper")
            reaper.start()
            try:
                yield
            finally:
                over.set()
                bell.close()
                await anyio.to_thread.run_sync(reaper.join)

    app = FastAPI(
        title="labctl",
        version=version("labctl"),
        summary="Measurements and random bits from magnetic tunnel junctions.",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    problems.install(app)
    metrics = Metrics()
    app.add_middleware(Bounds, settings=settings)
    app.add_middleware(Guard, hosts=settings.hosts)
    app.add_middleware(Timed, metrics=metrics)
    app.add_middleware(Logged)
    for part in (jobs, streams, bits, certificates, procedures, keys, agent, health):
        app.include_router(part.router)
    pages.install(app)
    return app


def _reap(service: Service, over: threading.Event) -> None:
    """End the leases of silent agents until the service ends."""
    while not over.wait(service.settings.reap_seconds):
        try:
            changed = service.ledger.leases.reap()
        except LabError as error:
            log.warning("looking after the leases failed, trying again: %s", error)
            continue
        for job in changed:
            log.warning("job %s is %s: %s", job.id, job.state, job.error or "its agent was lost")
        if changed:
            service.bell.ring()
